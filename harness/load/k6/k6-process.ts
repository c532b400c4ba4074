import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { SquallError, messageOf } from "../../base/errors.ts";
import { jsonIn } from "../../base/json.ts";
import { waitFor } from "../../base/wait.ts";
import type { K6Plan } from "./k6-driver.ts";

/** A k6 that has loaded its script and is paused. */
export interface K6Process {
  /** Starts the script's scenarios. */
  resume(): Promise<void>;
  /** SIGINT: k6 cuts off what is under way, runs teardown() and writes its summary. */
  interrupt(): void;
  kill(): void;
  /** Resolves when it is gone and all that it wrote was heard. */
  readonly ended: Promise<K6End>;
}

export interface K6End {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

export interface K6Listener {
  readonly onOutput: (line: string) => void;
  readonly onLog: (line: string) => void;
}

const answersEveryMs = 50;
const portTries = 3;
/** k6's exit code where another program has taken the port meanwhile. */
const cannotStartApi = 106;
/** "PausedBeforeRun" of k6's API: the script is loaded, the virtual users are there. */
const pausedBeforeRun = 4;

/** Whatever `http_req_*` needs to be told apart by, and which iteration it belongs to. */
const systemTags = "status,method,url,name,group,check,error,error_code,scenario,expected_response,vu,iter";

/**
 * Starts k6 on a script, paused; resolves when it waits to be resumed.
 * @throws {SQUALL_PREFLIGHT} when it ends instead
 */
export async function startK6Process(
  plan: K6Plan,
  listener: K6Listener,
  cut: AbortSignal,
): Promise<K6Process> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const k6 = spawnK6(plan, port, listener);
    const onCut = (): void => k6.kill();
    cut.addEventListener("abort", onCut, { once: true });
    try {
      const end = await Promise.race([k6.ended, whenPaused(port, cut)]);
      if (end === "paused") return k6;
      if (end.exitCode === cannotStartApi && tries < portTries) continue;
      throw new SquallError(
        "SQUALL_PREFLIGHT",
        `k6 refused ${plan.script} (${endText(end)}): ${k6.lastError()}`,
        {
          hint: "k6 run SCRIPT says the same; the script is given BASE_URL, RATE, DURATION and SEED: docs/k6.md",
        },
      );
    } catch (error) {
      k6.kill();
      await k6.ended;
      throw error;
    } finally {
      cut.removeEventListener("abort", onCut);
    }
  }
}

/** "exit code 107" */
export function endText({ exitCode, signal }: K6End): string {
  return signal ?? `exit code ${exitCode}`;
}

/** Which variables reach k6 itself: K6_* would change what it runs, such as the script's scenarios. */
export function k6Environment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("K6_")));
}

function spawnK6(
  { program, script, variables, summaryFile }: K6Plan,
  port: number,
  { onOutput, onLog }: K6Listener,
): K6Process & { lastError(): string } {
  const given = Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const child = spawn(
    program,
    [
      "run",
      "--paused",
      "--quiet",
      "--no-color",
      "--no-usage-report",
      ...["--address", `127.0.0.1:${port}`],
      ...["--log-format", "json"],
      ...["--system-tags", systemTags],
      ...["--summary-mode", "compact"], // "disabled" in a script's options would leave no summary at all
      ...["--summary-export", summaryFile],
      // To stdout: k6 dies of a pipe that nobody reads, should this process be killed.
      ...["--out", "json=-"],
      ...given,
      script,
    ],
    { cwd: dirname(script), env: k6Environment(process.env), stdio: ["ignore", "pipe", "pipe"] },
  );
  let lastError = "";
  const heardOutput = eachLine(child.stdout, onOutput);
  const heardLog = eachLine(child.stderr, (line) => {
    lastError = errorIn(line) ?? lastError;
    onLog(line);
  });
  const ended = (async (): Promise<K6End> => {
    const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    await Promise.all([heardOutput, heardLog]);
    return { exitCode: exitCode ?? undefined, signal: signal ?? undefined };
  })();
  ended.catch(() => undefined); // whoever awaits it gets the error
  return {
    async resume() {
      const answer = await fetch(statusUrl(port), {
        method: "PATCH",
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify({ data: { type: "status", id: "default", attributes: { paused: false } } }),
      });
      if (!answer.ok)
        throw new Error(`k6 would not begin: its API answered ${answer.status} ${await answer.text()}`);
    },
    interrupt: () => void child.kill("SIGINT"),
    kill: () => void child.kill("SIGKILL"),
    ended,
    lastError: () => lastError,
  };
}

async function eachLine(stream: NodeJS.ReadableStream, listener: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) listener(line);
}

/** The message of a line of k6's log, if it is an error; what is no JSON is a crash. */
export function errorIn(line: string): string | undefined {
  const parsed = logLineSchema.safeParse(jsonIn(line));
  if (!parsed.success) return line.trim() === "" ? undefined : line;
  return parsed.data.level === "error" ? parsed.data.msg : undefined;
}

export const logLineSchema = z.object({
  level: z.string(),
  msg: z.string(),
  /** "stacktrace" for an exception of the script, "console" for what it logs itself. */
  source: z.string().optional(),
});

const statusSchema = z.object({ data: z.object({ attributes: z.object({ status: z.number() }) }) });

async function whenPaused(port: number, signal: AbortSignal): Promise<"paused"> {
  // The parent gives up on a k6 that does not come up.
  const options = { what: "k6 to load its script", withinMs: 600_000, everyMs: answersEveryMs, signal };
  await waitFor(options, async () => {
    const answer = await fetch(statusUrl(port), { headers: { connection: "close" }, signal });
    return statusSchema.parse(await answer.json()).data.attributes.status >= pausedBeforeRun;
  });
  return "paused";
}

function statusUrl(port: number): string {
  return `http://127.0.0.1:${port}/v1/status`;
}

/** k6 does not say which port it took where it is given 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    throw new Error(`no free port for k6's API: ${messageOf(error)}`, { cause: error });
  } finally {
    server.close();
  }
}
