import type { StageInput } from "./toxic.ts";

/** Hands chunks on, in order, each no sooner than its due time. One timer, whatever the number of chunks. */
export interface DelayLine {
  readonly heldBytes: number;
  /** @param dueMs on the clock of `performance.now()`; one earlier than the chunk before waits for that one */
  add(item: Buffer | "end", dueMs: number): void;
  /** Due time of the last item, or 0 when the line is empty. */
  readonly lastDueMs: number;
  close(discard: boolean): void;
}

export function createDelayLine(next: StageInput): DelayLine {
  let items: { readonly item: Buffer | "end"; readonly dueMs: number }[] = [];
  let heldBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const handOn = (item: Buffer | "end"): void => {
    if (item === "end") return next.end();
    heldBytes -= item.length;
    next.push(item);
  };
  const arm = (): void => {
    const first = items[0];
    if (timer !== undefined || first === undefined) return;
    timer = setTimeout(release, Math.max(0, first.dueMs - performance.now()));
  };
  const release = (): void => {
    timer = undefined;
    const nowMs = performance.now();
    // Node's timers may fire up to a millisecond early; what is that close is due.
    while (items[0] !== undefined && items[0].dueMs <= nowMs + 0.5) {
      const { item } = items.shift() as (typeof items)[number];
      handOn(item);
    }
    arm();
  };
  return {
    get heldBytes() {
      return heldBytes;
    },
    get lastDueMs() {
      return items.at(-1)?.dueMs ?? 0;
    },
    add(item, dueMs) {
      items.push({ item, dueMs: Math.max(dueMs, items.at(-1)?.dueMs ?? 0) });
      if (item !== "end") heldBytes += item.length;
      arm();
    },
    close(discard) {
      clearTimeout(timer);
      timer = undefined;
      const left = items;
      items = [];
      if (discard) heldBytes = 0;
      else for (const { item } of left) handOn(item);
    },
  };
}
