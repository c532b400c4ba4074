import { callsOf, type Call } from "./call.ts";
import { alignClocks, type ClockShift } from "./clock-skew.ts";
import type { EdgeByPort } from "./edges.ts";
import type { Trace } from "./trace.ts";

/** A trace made ready for the analyses: its clocks aligned, its calls named by their edges. */
export interface PreparedTrace {
  readonly trace: Trace;
  /** The earliest root's service and name: traces are compared with others of the same. */
  readonly operation: string;
  /** From the start of the earliest root to its end: what whoever waited for it waited. */
  readonly durationMs: number;
  readonly calls: readonly Call[];
  readonly shifts: readonly ClockShift[];
  readonly ports: EdgeByPort;
}

export function prepareTrace(trace: Trace, ports: EdgeByPort): PreparedTrace {
  const aligned = alignClocks(trace);
  const root = aligned.trace.nodes[0]?.span;
  return {
    trace: aligned.trace,
    operation: root === undefined ? "" : operationOf(root),
    durationMs: root === undefined ? 0 : Math.max(0, root.endMs - root.startMs),
    calls: callsOf(aligned.trace, ports),
    shifts: aligned.shifts,
    ports,
  };
}

/** "order POST /orders" */
export function operationOf({ service, name }: { readonly service: string; readonly name: string }): string {
  return `${service} ${name}`;
}
