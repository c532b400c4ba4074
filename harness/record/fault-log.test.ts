import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openFaultLog, readFaultLog, type FaultLine } from "./fault-log.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-fault-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const told = { fault: "f1", proxy: "order->payment", toxic: "f1", type: "http_lost_response" };
const lines: readonly FaultLine[] = [
  { event: "fault-began", atMs: 1, id: 1, ...told },
  {
    event: "call-affected",
    atMs: 2.25,
    id: 2,
    ...told,
    request: 2,
    call: "POST /payments",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    effect: "lost the answer 201, reset",
  },
  { event: "events-missed", atMs: 3, count: 4 },
  { event: "fault-ended", atMs: 4, id: 7, ...told, by: "lease-ended" },
];

function write(file: string): void {
  const log = openFaultLog(file);
  for (const line of lines) log.append(line);
  log.close();
}

test("it reads back as it was written", () => {
  const file = join(folder, "whole.jsonl");
  write(file);
  expect(readFaultLog(file)).toEqual({ lines, cutBytes: 0, invalid: [] });
});

test("cut at any byte, it has every line that was whole, and the next run of the writer adds to those", () => {
  const file = join(folder, "cut.jsonl");
  write(file);
  const whole = readFileSync(file);
  for (let size = 0; size <= whole.length; size += 1) {
    writeFileSync(file, whole);
    truncateSync(file, size);
    const wholeLines = whole.subarray(0, size).filter((byte) => byte === 0x0a).length;
    expect(readFaultLog(file).lines).toEqual(lines.slice(0, wholeLines));
  }
  truncateSync(file, whole.length - 3);
  write(file);
  expect(readFaultLog(file).lines).toEqual([...lines.slice(0, 3), ...lines]);
});

test("a run without one has affected no call that is known", () => {
  expect(readFaultLog(join(folder, "none.jsonl")).lines).toEqual([]);
});
