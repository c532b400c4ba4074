import type { ProcessEnd } from "../runtime.ts";
import { watchContainers, type ContainerEvent } from "./container-events.ts";
import { findContainers, type Stack, type StackContainer } from "./stack.ts";

export interface EndsOptions {
  readonly containers: () => readonly StackContainer[];
  /** Told of the containers as they are after something happened. */
  readonly take: (found: readonly StackContainer[]) => void;
  readonly onEnd: (end: ProcessEnd) => void;
}

/** Tells of each container of a stack that ends, and keeps what is known of them new, until it is disposed of. */
export async function watchEnds(stack: Stack, { containers, take, onEnd }: EndsOptions): Promise<Disposable> {
  /** By container, what was seen of its end before it came. */
  const signs = new Map<string, { signal?: string; isOutOfMemory?: boolean }>();
  let isLooking = false;
  let isDirty = false;
  return watchContainers(stack, (event) => {
    if (event !== undefined) note(event);
    isDirty = true;
    if (!isLooking) void look();
  });

  /** One look at a time; what happens during one makes another. */
  async function look(): Promise<void> {
    isLooking = true;
    while (isDirty) {
      isDirty = false;
      // An engine that does not answer now tells of it when it does again.
      await findContainers(stack).then(take, () => undefined);
    }
    isLooking = false;
  }

  function note({ container, action, attributes, atMs }: ContainerEvent): void {
    const known = containers().find(({ id }) => id === container);
    if (known === undefined) return;
    const sign = signs.get(container) ?? {};
    signs.set(container, sign);
    if (action === "start") signs.delete(container);
    if (action === "oom") sign.isOutOfMemory = true;
    if (action === "kill" && attributes["signal"] !== undefined) sign.signal = attributes["signal"];
    if (action !== "die") return;
    const code = `exit code ${attributes["exitCode"] ?? "unknown"}`;
    const { name, part } = known;
    if (sign.isOutOfMemory === true)
      onEnd({ name, part, atMs, by: "memory", detail: `out of memory, ${code}` });
    else if (sign.signal !== undefined)
      onEnd({ name, part, atMs, by: "somebody", detail: `signal ${sign.signal}, ${code}` });
    else onEnd({ name, part, atMs, by: "itself", detail: code });
  }
}
