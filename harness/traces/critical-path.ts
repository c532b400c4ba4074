import { startGrainMs } from "./call.ts";
import type { Trace, TraceNode } from "./trace.ts";

/** A stretch of time on the critical path, and the span whose own doing it was. */
export interface Segment {
  readonly node: TraceNode;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The critical path of a trace: at each moment, the one span that its root was waiting for. Segments follow one another
 * without a gap from the root's start to its end, so that their lengths add up to its duration.
 *
 * Found backwards: a span's end was waited for; the child that ended last before it leads there, then the child that
 * ended last before that one began, and so on; what no child covers is the span's own.
 *
 *   root    ├───────────────────────────────────┤   path: root 0-2, b 2-16, root 16-18, d 18-26, root 26-36
 *   a         ├────────┤                            ended while b was under way, so b had not waited for it
 *   b         ├─────────────┤
 *   d                         ├───────┤
 *   e                              ├────────────────┤   outlasts its parent, which had not waited for it
 *
 * A callee that outlasts the call that asked it counts up to the call's end: its caller did wait for it, and gave up.
 */
export function criticalPath(trace: Trace, root = trace.nodes[0]): readonly Segment[] {
  if (root === undefined) return [];
  const segments: Segment[] = [];
  const own = (node: TraceNode, startMs: number, endMs: number): void => {
    if (endMs > startMs) segments.push({ node, startMs, endMs });
  };
  const waiting: Segment[] = [{ node: root, startMs: root.span.startMs, endMs: root.span.endMs }];
  for (let window = waiting.pop(); window !== undefined; window = waiting.pop()) {
    const { node, startMs, endMs } = window;
    let cursorMs = endMs;
    for (const child of byEnd(node.children)) {
      if (cursorMs <= startMs) break;
      const waitedEndMs = isAsked(child) ? Math.min(child.span.endMs, endMs) : child.span.endMs;
      if (waitedEndMs > cursorMs + startGrainMs) continue;
      const childEndMs = Math.min(waitedEndMs, cursorMs);
      const childStartMs = Math.max(child.span.startMs, startMs);
      if (childEndMs <= childStartMs) continue;
      own(node, childEndMs, cursorMs);
      waiting.push({ node: child, startMs: childStartMs, endMs: childEndMs });
      cursorMs = childStartMs;
    }
    own(node, startMs, cursorMs);
  }
  return segments.sort((a, b) => a.startMs - b.startMs);
}

/** The callee's side of a call. */
function isAsked({ span, parent }: TraceNode): boolean {
  return span.kind === "server" && parent?.span.kind === "client";
}

function byEnd(children: readonly TraceNode[]): readonly TraceNode[] {
  return children.length < 2
    ? children
    : children.toSorted((a, b) => b.span.endMs - a.span.endMs || b.span.startMs - a.span.startMs);
}
