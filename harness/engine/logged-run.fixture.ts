import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JournalLine } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";

/** A run of three phases of ten seconds, whose services logged something in each. */
export const zeroMs = Date.parse("2026-11-21T10:00:00.000Z");

export const checkoutTrace = "48291dafc855a57c9b9d043727f3d2e8";
/** Of the mail that the checkout led to. */
export const mailTrace = "e6a1b2c3d4e5f60718293a4b5c6d7e8f";

const at = (seconds: number): string => new Date(zeroMs + seconds * 1_000).toISOString();
const json = (seconds: number, level: string, msg: string, more: object = {}): string =>
  JSON.stringify({ level, time: at(seconds), service: "as-it-says", ...more, msg });

const logs: Readonly<Record<string, readonly string[]>> = {
  "order.jsonl": [
    json(-5, "info", "listening", { port: 14_770 }),
    json(2, "warn", "an order of 12 cents is odd", { trace_id: "aa".repeat(16) }),
    json(12, "warn", "an order of 13 cents is odd"),
    json(13.25, "warn", "no mail yet", {
      trace_id: checkoutTrace,
      orderId: "f862a482-3f20-470f-8f00-3a65e4df8e47",
      err: { type: "CallFailed", message: "notification did not answer: timeout: no answer by the deadline" },
    }),
    json(23, "info", "mail at last"),
  ],
  "order-2.jsonl": [
    json(14, "warn", "an order of 14 cents is odd"),
    json(15, "error", "gone wrong for good"),
  ],
  "notification.jsonl": [
    json(13.5, "warn", "a message was not sent yet", { trace_id: mailTrace, err: { message: "ETIMEDOUT" } }),
    "Error: a crash as Node tells it",
    "    at send (mailer.ts:88:10)",
    json(16, "warn", "a message was not sent yet", { err: { message: "ETIMEDOUT" } }),
    '{"level":"info","time":"2026-11-21T10:0',
  ],
  "order-db.log": [
    "2026-11-21 10:00:11.000 UTC [7] ERROR:  LIMIT must not be negative",
    "2026-11-21 10:00:11.000 UTC [7] STATEMENT:  select 1",
    "\t  limit -1",
  ],
};

/** Writes the run's folder. @returns its path */
export function writeLoggedRun(runs: string, name = "2026-11-21T10-00-00-slow-mail"): string {
  const folder = runFolder(join(runs, name));
  mkdirSync(folder.logs, { recursive: true });
  const journal: readonly JournalLine[] = [
    {
      atMs: zeroMs - 9_000,
      event: "run-started",
      run: name,
      pid: 1,
      fleetState: "/tmp/none",
      ownsFleet: true,
    },
    { atMs: zeroMs, event: "load-started", journey: "shopper", ratePerSecond: 2, zeroMs },
    { atMs: zeroMs, event: "phase-started", phase: "baseline" },
    { atMs: zeroMs + 10_000, event: "phase-started", phase: "fault" },
    { atMs: zeroMs + 20_000, event: "phase-started", phase: "recovery" },
    { atMs: zeroMs + 30_000, event: "load-ended", intended: 60, started: 60 },
  ];
  writeFileSync(folder.journal, journal.map((line) => `${JSON.stringify(line)}\n`).join(""));
  for (const [file, lines] of Object.entries(logs))
    writeFileSync(join(folder.logs, file), lines.join("\n") + (file === "notification.jsonl" ? "" : "\n"));
  const span = (traceId: string, links: readonly object[]): object => ({
    ...{ traceId, spanId: "11".repeat(8), name: "POST /mails", kind: 2 },
    ...{ startTimeUnixNano: `${zeroMs}000000`, endTimeUnixNano: `${zeroMs + 5}000000`, links },
  });
  const spans = [
    span(checkoutTrace, []),
    span(mailTrace, [{ traceId: checkoutTrace, spanId: "11".repeat(8) }]),
  ];
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "order" } }] };
  writeFileSync(
    folder.traces,
    `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })}\n`,
  );
  return folder.path;
}
