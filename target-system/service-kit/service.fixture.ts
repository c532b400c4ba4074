import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { proofOf, testIdentityDir } from "./identity/identity.fixture.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { waitFor } from "./wait.fixture.ts";

/** A service as a process of its own, as in a fleet. */
export interface TestService extends AsyncDisposable {
  readonly url: string;
  /** What it logged so far: JSON lines, and whatever it wrote to standard error. */
  readonly log: () => string;
  /** Sends a signal and waits for the end. @returns the exit code; null when the signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** One request with a JSON answer. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** The same, as another service asks it. @param userId on whose behalf */
  as(caller: string, userId?: string): Pick<TestService, "request">;
}

export interface TestServiceOptions {
  /** The module, by its path below target-system: "catalog/main.ts". */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  /** @default true */
  readonly untilReady?: boolean;
}

/** As a fleet starts it (target.yaml), for a third of the processor time. */
const bundled = `--import=${new URL("../dependencies/bundled.ts", import.meta.url).href}`;
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));
/** A dozen services that start at once on a busy machine take a while. */
const startWithinMs = 50_000;

/** Starts a service on a free port of 127.0.0.1 and waits until it is ready. */
export async function startTestService({
  main,
  env,
  untilReady = true,
}: TestServiceOptions): Promise<TestService> {
  const name = basename(main) === "main.ts" ? dirname(main) : basename(main, ".ts");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [bundled, fileURLToPath(new URL(`../${main}`, import.meta.url))], {
    env: {
      LOG_LEVEL: "info",
      IDENTITY_DIR: testIdentityDir,
      NODE_COMPILE_CACHE: compileCache,
      ...env,
      PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  const service: TestService = {
    url,
    log: () => log,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await exited;
      return code;
    },
    async request(method, path, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
    },
    as: (caller, userId) => ({
      request: async (method, path, body, headers = {}) =>
        service.request(method, path, body, { ...headers, ...(await proofOf(caller, name, userId)) }),
    }),
    async [Symbol.asyncDispose]() {
      await service.stop("SIGKILL");
    },
  };
  const probe = untilReady ? "/ready" : "/live";
  const isUp = waitFor(main + probe, async () => (await fetch(url + probe)).status === 200, startWithinMs);
  const isGone = exited.then(() => {
    throw new Error(`${main} ended: ${log}`);
  });
  await Promise.race([isUp, isGone]).catch(async (error: unknown) => {
    await service.stop("SIGKILL");
    throw error;
  });
  return service;
}
