import { context, ROOT_CONTEXT, SpanKind, trace, TraceFlags, type Context } from "@opentelemetry/api";
import { SamplingDecision } from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { createSampler } from "./sampler.ts";
import type { SamplerName } from "./tracing-config.ts";

/** Ids that count as low and high where a ratio decides: four parts of an id, XORed. */
const ids = { low: "0".repeat(31) + "1", high: "0".repeat(24) + "f".repeat(8) } as const;

function isRecorded(name: SamplerName, traceId: string, caller: Context = ROOT_CONTEXT): boolean {
  const { decision } = createSampler({ name, ratio: 0.5 }).shouldSample(
    caller,
    traceId,
    "",
    SpanKind.SERVER,
    {},
    [],
  );
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

function calledBy(traceFlags: TraceFlags): Context {
  const caller = { traceId: ids.low, spanId: "b7ad6b7169203331", traceFlags, isRemote: true };
  return trace.setSpanContext(context.active(), caller);
}

const table: readonly (readonly [
  SamplerName,
  low: boolean,
  high: boolean,
  sampled: boolean,
  unsampled: boolean,
])[] = [
  ["always_on", true, true, true, true],
  ["always_off", false, false, false, false],
  ["traceidratio", true, false, true, true],
  ["parentbased_always_on", true, true, true, false],
  ["parentbased_always_off", false, false, true, false],
  ["parentbased_traceidratio", true, false, true, false],
];

it.each(table)(
  "%s: of the lower ids %s, of the upper %s; with a caller who records %s, who does not %s",
  (name, ...expected) => {
    expect([
      isRecorded(name, ids.low),
      isRecorded(name, ids.high),
      isRecorded(name, ids.low, calledBy(TraceFlags.SAMPLED)),
      isRecorded(name, ids.low, calledBy(TraceFlags.NONE)),
    ]).toEqual(expected);
  },
);
