import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { context, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "./log.ts";

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterAll(() => context.disable());

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(main: string, ...args: readonly string[]): Promise<Ended> {
  const file = fileURLToPath(new URL(`../${main}`, import.meta.url));
  return new Promise((resolve) =>
    execFile(process.execPath, [file, ...args], { env: {} }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    ),
  );
}

it.each([
  ["throw", "uncaughtException"],
  ["reject", "unhandledRejection"],
  ["at-once", "unhandledRejection"],
])("a crash (%s) is one line of JSON without what is secret, and ends with 1", async (how, origin) => {
  const { code, stdout, stderr } = await run("service-kit/fixtures/crashes.ts", how);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ level: "fatal", service: "crashes", msg: "crashed", origin },
    err: { type: "Error", message: "cannot reach postgresql://shop:[redacted]@localhost/db" },
  });
  expect(stdout).not.toContain("s3cret");
});

it("what is thrown and is no error is told as well", async () => {
  const { code, stdout } = await run("service-kit/fixtures/crashes.ts", "reject-nothing");
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ level: "fatal", msg: "crashed" });
});

it.each([
  ["a service whose configuration is wrong", "catalog/main.ts", "catalog"],
  ["a part of the outside world that has no port", "outside-world/gateway-a.ts", undefined],
])("%s says so in a line of JSON", async (_what, main, service) => {
  const { code, stdout, stderr } = await run(main);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  const [line = "", ...more] = stdout.trimEnd().split("\n");
  expect(more).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({ level: "fatal", msg: "crashed" });
  expect((JSON.parse(line) as { service?: string }).service).toBe(service);
});

it("a line within a span has its ids, one of nobody's has none", () => {
  const lines: string[] = [];
  const log = createLog("test", "info", { write: (line) => void lines.push(line) });
  const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  const within = trace.setSpanContext(context.active(), { ...ids, traceFlags: TraceFlags.SAMPLED });
  context.with(within, () => {
    log.info("in");
    context.with(ROOT_CONTEXT, () => log.info("out"));
  });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ msg: "in", trace_id: ids.traceId, span_id: ids.spanId }),
    expect.not.objectContaining({ trace_id: expect.anything() as unknown }),
  ]);
});
