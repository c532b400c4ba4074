/** One direction of dependency between two named parts, written `caller -> callee`: the one notion all modules share. */
export interface Edge {
  readonly caller: string;
  readonly callee: string;
}

/** "order -> payment" (or `order->payment`, as typed in a shell) -> its two ends. */
export function parseEdge(text: string): Edge | undefined {
  const match = /^\s*([a-z][a-z0-9-]*)\s*->\s*([a-z][a-z0-9-]*)\s*$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { caller: match[1], callee: match[2] };
}

export function formatEdge({ caller, callee }: Edge): string {
  return `${caller} -> ${callee}`;
}
