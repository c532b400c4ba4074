import type { Span } from "../record/span.ts";
import { askedOf, httpStatusOf, isFailedCall, isHttp } from "./edges.ts";
import type { TraceNode } from "./trace.ts";

/** Whether a span failed: a call by what came back, unless it was lost to a hedge; anything else by its status. */
export function hasFailed(node: TraceNode): boolean {
  if (node.span.kind !== "client") return node.span.isError;
  return isFailedCall(node.span) && !isLostToHedge(node);
}

/**
 * Two moments of one process that are the same: some SDKs tell a start in whole milliseconds, and an attempt may go out as
 * the answer to the other comes in.
 */
const sameMomentMs = 2;

/**
 * Whether a call was cancelled by its caller because another attempt at the very same was answered first: a hedge, or the
 * call that was hedged. A client that changes its mind sets no error status (OpenTelemetry's conventions for HTTP client
 * spans), and neither does one whose timeout is a plain abort; so the answer beside it is what tells them apart.
 */
export function isLostToHedge({ span, parent }: TraceNode): boolean {
  if (span.isError || span.kind !== "client" || !isHttp(span) || httpStatusOf(span) !== undefined)
    return false;
  const asked = askedOf(span);
  return parent?.children.some((other) => hasWon(other.span, span) && askedOf(other.span) === asked) === true;
}

function hasWon(other: Span, lost: Span): boolean {
  return (
    other.kind === "client" &&
    httpStatusOf(other) !== undefined &&
    !isFailedCall(other) &&
    other.startMs < lost.endMs &&
    other.endMs > lost.startMs - sameMomentMs &&
    other.endMs <= lost.endMs + sameMomentMs
  );
}
