import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SquallError, type ErrorCode } from "../base/errors.ts";
import type { LoadDriver } from "./driver.ts";

/** A driver's process as its parent sees it, and what the two tell each other. */

/** What the parent tells the process. */
export type ToDriver<Plan> =
  | { readonly kind: "plan"; readonly plan: Plan }
  | { readonly kind: "begin"; readonly startAtMs: number }
  | { readonly kind: "stop" }
  | { readonly kind: "cut" };

/** What the process tells its parent. */
export type FromDriver<Progress, Result> =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "result"; readonly result: Result }
  | {
      readonly kind: "failed";
      /** Of an expected error; absent for a mistake in Squall. */
      readonly code?: ErrorCode;
      readonly message: string;
      readonly hint?: string | undefined;
    };

/** Once let go of, the process has this long to write what it knows. */
const endWithinMs = 3_000;
const saidBytes = 4_000;
/** Compiled code from one driver to the next: a tenth of a second less from its start to its first request. */
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/**
 * Without V8's last tier, whose compiler took the processor from the starts for the first seconds: at 1,000/s 98 % of the
 * arrivals lay within 0.3 ms instead of 1.6, for a quarter less processor time.
 *
 * Without objects that are old at birth, as V8 makes them where many of a kind once lived long, in a burst: they keep the
 * young ones that they lead to until a full collection, at 10,000/s a quarter or half of all, which each small collection
 * then moved: 1.7 or 3.2 MB of 6.4, now 0.1.
 */
const commonFlags = ["--no-turbofan", "--no-allocation-site-pretenuring"];
/** What lives briefly, which is nearly all, gets less room than by default: 10 MB less, and shorter pauses. */
const flags = ["--max-semi-space-size=2", ...commonFlags];
/**
 * More room, so that it is collected less often; and code compiled before it is first run, which takes 0.03 s of the
 * start: without, 10,000/s found the driver so slow at first that it needed two seconds to catch up.
 */
const fastFlags = ["--max-semi-space-size=8", "--always-sparkplug", ...commonFlags];

export interface DriverProcessOptions {
  /** Whether there will be thousands of starts a second. @default false */
  readonly isFast?: boolean;
  /** Ends the process, at any time. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a driver's process on a plan; resolves when it waits for `begin`.
 * @param main the module that the process runs: it calls `serveDriver`
 * @param plan plain data, sent to it as JSON
 * @param onProgress told several times a second
 * @throws what the process threw while it prepared
 */
export async function startDriverProcess<Plan, Progress, Result>(
  main: URL,
  plan: Plan,
  onProgress: (progress: Progress) => void,
  { isFast = false, signal }: DriverProcessOptions = {},
): Promise<LoadDriver<Result>> {
  signal?.throwIfAborted();
  const ready = Promise.withResolvers<void>();
  const done = Promise.withResolvers<Result>();
  // Whoever awaits `done` gets the error; nobody awaiting it must not end the process.
  done.promise.catch(() => undefined);
  const fail = (error: unknown): void => {
    ready.reject(error);
    done.reject(error);
  };

  // In a process group of its own: Ctrl-C at the terminal is for the engine, which then says what becomes of the load.
  const child = fork(main, {
    execArgv: isFast ? fastFlags : flags,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env },
  });
  const send = (message: ToDriver<Plan>): void => {
    // A process that is gone does not hear us; its end is told by "exit".
    if (child.connected) child.send(message, () => undefined);
  };
  const letGo = (): void => {
    if (child.connected) child.disconnect();
  };
  let said = "";
  const heard = Promise.allSettled(
    [child.stdout, child.stderr].map(async (stream) => {
      for await (const text of stream?.setEncoding("utf8") ?? []) said = (said + text).slice(-saidBytes);
    }),
  );
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      fail(error);
      resolve();
    });
    // Not "close": it never comes when it was we who let go.
    child.once("exit", (code, by) => {
      void heard.then(() => {
        const end = by ?? `exit code ${code}`;
        fail(
          signal?.aborted ? signal.reason : new Error(`the load driver ended early (${end}) ${said}`.trim()),
        );
        resolve();
      });
    });
  });
  child.on("message", (message: FromDriver<Progress, Result>) => {
    switch (message.kind) {
      case "ready":
        ready.resolve();
        break;
      case "progress":
        onProgress(message.progress);
        break;
      case "result":
        done.resolve(message.result);
        break;
      case "failed":
        fail(errorOf(message));
        break;
    }
  });
  signal?.addEventListener("abort", letGo, { once: true });
  void ended.then(() => signal?.removeEventListener("abort", letGo));

  send({ kind: "plan", plan });
  await ready.promise;
  return {
    begin: (startAtMs) => send({ kind: "begin", startAtMs }),
    done: done.promise,
    stop() {
      send({ kind: "stop" });
      return done.promise;
    },
    cut() {
      send({ kind: "cut" });
      return done.promise;
    },
    async [Symbol.asyncDispose]() {
      letGo();
      const kill = setTimeout(() => child.kill("SIGKILL"), endWithinMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

function errorOf({ code, message, hint }: Extract<FromDriver<never, never>, { kind: "failed" }>): Error {
  if (code === undefined) return new Error(`the load driver failed: ${message}`);
  return new SquallError(code, message, hint === undefined ? {} : { hint });
}
