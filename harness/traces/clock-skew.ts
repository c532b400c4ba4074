import type { Span } from "../record/span.ts";
import { hasAnswer } from "./edges.ts";
import { createTrace, type Trace, type TraceNode } from "./trace.ts";

/**
 * Services have clocks of their own. Where a callee's span cannot have happened when it says, its times and those of what
 * it did itself are shifted into its caller's span; each service is compared with its caller anew. What is off by less than
 * can be seen (it still fits into the caller's span) stays as it is.
 */
export interface AlignedTrace {
  /** With times on the root's clock, as far as can be told; the very same when nothing had to be shifted. */
  readonly trace: Trace;
  /** One for each span that had to be shifted, without what moved with it. */
  readonly shifts: readonly ClockShift[];
}

export interface ClockShift {
  readonly caller: string;
  readonly callee: string;
  /** What was added to the callee's times. */
  readonly byMs: number;
}

/** A start is told in whole milliseconds by some SDKs, so two starts are off by up to one without any skew. */
const startGrainMs = 2;
/** A busy callee ends its span some time after the caller has read its answer. */
const tailMs = 20;

export function alignClocks(trace: Trace): AlignedTrace {
  const shifts: ClockShift[] = [];
  const shiftOf = new Map<TraceNode, number>();
  for (const node of trace.nodes) {
    const { parent, span } = node;
    if (parent === undefined) continue;
    const parentShiftMs = shiftOf.get(parent) ?? 0;
    if (parent.span.service === span.service) {
      if (parentShiftMs !== 0) shiftOf.set(node, parentShiftMs);
      continue;
    }
    const byMs = neededShiftMs(parent.span, parentShiftMs, span);
    if (byMs === 0) continue;
    shiftOf.set(node, byMs);
    shifts.push({ caller: parent.span.service, callee: span.service, byMs });
  }
  if (shiftOf.size === 0) return { trace, shifts };
  const spans = trace.nodes.map((node) => shifted(node.span, shiftOf.get(node) ?? 0));
  const aligned = createTrace(trace.traceId, spans);
  const { duplicates, isComplete } = trace;
  return { trace: { ...aligned, duplicates, isComplete }, shifts };
}

/**
 * Whoever is called starts after its caller does, and a call that was answered ends after its callee did. Where that is
 * broken, the callee's span goes into the middle of the call's, since the way there and back is taken to be the same; one
 * that does not fit, or that nobody waited for, goes to its start.
 */
function neededShiftMs(caller: Span, callerShiftMs: number, callee: Span): number {
  const startMs = caller.startMs + callerShiftMs;
  const slackMs = caller.endMs - caller.startMs - (callee.endMs - callee.startMs);
  const isCall = caller.kind === "client" && callee.kind === "server";
  const startsEarly = callee.startMs < startMs - startGrainMs;
  const endsLate = isCall && hasAnswer(caller) && callee.endMs > caller.endMs + callerShiftMs + tailMs;
  if (isCall && slackMs >= 0 && (startsEarly || endsLate)) return startMs + slackMs / 2 - callee.startMs;
  return startsEarly ? startMs - callee.startMs : 0;
}

function shifted(span: Span, byMs: number): Span {
  if (byMs === 0) return span;
  return { ...span, startMs: span.startMs + byMs, endMs: span.endMs + byMs };
}
