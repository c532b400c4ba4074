import { operationOf, type PreparedTrace } from "./prepared-trace.ts";
import { fallbackOf } from "./resilience-sign.ts";

/** Something else that was served in place of what could not be had, as the services say. */
export interface FallbackUse {
  /** "popular products" */
  readonly fallback: string;
  /** Who served it: "gateway GET /api/products/:id". */
  readonly operation: string;
  readonly spans: number;
  readonly traces: number;
  /** Of the traces with that operation. */
  readonly ofTraces: number;
  /** The first in which it was. */
  readonly traceId: string;
}

/** The most used first. */
export function fallbacksUsed(prepared: Iterable<PreparedTrace>): readonly FallbackUse[] {
  type Growing = { -readonly [Key in Exclude<keyof FallbackUse, "ofTraces">]: FallbackUse[Key] };
  const uses = new Map<string, Growing>();
  const tracesOf = new Map<string, number>();
  for (const { trace } of prepared) {
    const operations = new Set<string>();
    const ofTrace = new Set<string>();
    for (const { span } of trace.nodes) {
      if (span.kind === "client") continue;
      const operation = operationOf(span);
      operations.add(operation);
      const fallback = fallbackOf(span);
      if (fallback === undefined) continue;
      const key = `${fallback}\n${operation}`;
      let use = uses.get(key);
      if (use === undefined) {
        use = { fallback, operation, spans: 0, traces: 0, traceId: trace.traceId };
        uses.set(key, use);
      }
      use.spans += 1;
      if (!ofTrace.has(key)) use.traces += 1;
      ofTrace.add(key);
    }
    for (const operation of operations) tracesOf.set(operation, (tracesOf.get(operation) ?? 0) + 1);
  }
  return [...uses.values()]
    .map((use) => ({ ...use, ofTraces: tracesOf.get(use.operation) ?? use.traces }))
    .sort((a, b) => b.traces - a.traces);
}
