import { isSpanContextValid, trace, TraceFlags } from "@opentelemetry/api";
import { Histogram, type Registry } from "prom-client";

/**
 * In seconds. Whether an objective is met is told by counting what is below it, so each threshold of target.yaml and chaos/
 * is one of these: test/metrics/ compares them.
 */
export const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 4, 7];

/** What leads from a figure to the trace behind it. */
export type Exemplar = Readonly<Record<string, string>>;

/** Takes a duration down. @param exemplar @default the trace at hand */
export type Observe<L extends string> = (
  labels: Readonly<Record<L, string | number>>,
  durationMs: number,
  exemplar?: Exemplar,
) => void;

/** A histogram of latencies, in seconds, each bucket with the trace of the last one that fell in it. */
export function measureLatency<L extends string>(
  registry: Registry,
  metric: { readonly name: string; readonly help: string; readonly labelNames: readonly L[] },
): Observe<L> {
  const histogram = new Histogram<string>({
    ...metric,
    buckets: latencyBuckets,
    enableExemplars: true,
    registers: [], // prom-client lets nothing with exemplars be made in a registry that is not OpenMetrics alone
  });
  registry.registerMetric(histogram);
  return (labels, durationMs, exemplarLabels = traceExemplar()) =>
    histogram.observe({ labels, value: durationMs / 1_000, exemplarLabels });
}

const none: Exemplar = {};

/** Of the trace at hand, where it is kept. */
export function traceExemplar(): Exemplar {
  const span = trace.getActiveSpan()?.spanContext();
  const isKept =
    span !== undefined && isSpanContextValid(span) && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
  return isKept ? { trace_id: span.traceId } : none;
}
