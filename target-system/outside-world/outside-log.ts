import { writeSync } from "node:fs";

/** One line of JSON on standard output, there when this returns. Of traces the outside world knows nothing. */
export function logLine(level: "warn" | "error" | "fatal", msg: string, error: unknown): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const line = { level, time: new Date().toISOString(), err: { type: name, message, stack }, msg };
  writeSync(process.stdout.fd, `${JSON.stringify(line)}\n`);
}

/** Has a crash told as a line like any other; the process ends with 1, as Node would end it. */
export function logCrashes(): void {
  process.on("uncaughtException", (error) => {
    logLine("fatal", "crashed", error);
    process.exit(1);
  });
}
