import type { Socket } from "node:net";
import type { Random } from "../base/random.ts";
import type { ToxicInstance } from "./toxic-instance.ts";
import type { Stage, StageInput } from "./toxics/toxic.ts";

/**
 * One direction of one proxied connection:
 *
 *   source ─'data'→ [stage]─→[stage]─→ … ─→ sink.write        no toxics: source ─'data'→ sink.write
 *
 * What the stages and the sink's buffer hold together is bounded: beyond it the source is paused, so that TCP holds its
 * sender back. Nothing here waits for the sink: a peer that never reads costs its bound of memory and nothing else.
 */
export interface Link {
  /** Bytes read from the source. */
  readonly bytes: number;
  /** Makes the chain that of these toxics, in their order; stages that stay keep what they hold. */
  setToxics(toxics: readonly ToxicInstance[]): void;
  /** The connection is gone: stops every timer. */
  discard(): void;
}

export interface LinkOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly random: Random;
  readonly onBytes: (count: number) => void;
  readonly close: () => void;
  readonly reset: () => void;
}

interface Slot {
  readonly toxic: ToxicInstance;
  readonly stage: Stage;
}

const boundBytes = 4 << 20;

export function openLink(options: LinkOptions): Link {
  const { source, sink } = options;
  const drawn = new Map<string, boolean>();
  let slots: Slot[] = [];
  let bytes = 0;
  let isGone = false;
  let isPaused = false;

  const sinkInput: StageInput = {
    push(chunk) {
      if (!isGone && sink.writable) sink.write(chunk);
      regulate();
    },
    end() {
      if (!isGone) sink.end();
    },
  };
  const firstInput = (): StageInput => slots[0]?.stage ?? sinkInput;

  source.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    options.onBytes(chunk.length);
    firstInput().push(chunk);
    regulate();
  });
  source.on("end", () => firstInput().end());
  sink.on("drain", regulate);

  return {
    get bytes() {
      return bytes;
    },
    setToxics(toxics) {
      if (isGone) return;
      const wanted = toxics.filter(isDrawn);
      for (const slot of [...slots]) {
        const replacement = wanted.find(({ name }) => name === slot.toxic.name);
        if (replacement === slot.toxic) continue;
        // Closing hands on what is held to the stage after it, so it must still be in its place.
        slot.stage.close(false);
        if (isGone) return;
        const index = slots.indexOf(slot);
        if (replacement === undefined) slots = slots.toSpliced(index, 1);
        else slots = slots.with(index, openSlot(replacement));
      }
      for (const toxic of wanted)
        if (!slots.some((slot) => slot.toxic === toxic)) slots = [...slots, openSlot(toxic)];
      regulate();
    },
    discard() {
      isGone = true;
      for (const { stage } of slots) stage.close(true);
      slots = [];
    },
  };

  function openSlot(toxic: ToxicInstance): Slot {
    let wasAffected = false;
    const slot: Slot = {
      toxic,
      stage: toxic.kind.open(toxic.attributes as never, {
        next: {
          push: (chunk) => inputAfter(slot).push(chunk),
          end: () => inputAfter(slot).end(),
        },
        random: options.random.fork(toxic.name),
        affect(count) {
          if (!wasAffected) toxic.record.affectedConnections += 1;
          wasAffected = true;
          toxic.record.affectedBytes += count;
        },
        close: options.close,
        reset: options.reset,
      }),
    };
    return slot;
  }

  function inputAfter(slot: Slot): StageInput {
    return slots[slots.indexOf(slot) + 1]?.stage ?? sinkInput;
  }

  /** Whether a toxic touches this connection: drawn once, and kept through its updates. */
  function isDrawn({ name, toxicity }: ToxicInstance): boolean {
    const key = `${name}/${toxicity}`;
    const known = drawn.get(key);
    if (known !== undefined) return known;
    const isTouched = options.random.fork(`toxicity/${name}`).next() < toxicity;
    drawn.set(key, isTouched);
    return isTouched;
  }

  function regulate(): void {
    if (isGone) return;
    const heldBytes = slots.reduce((sum, { stage }) => sum + stage.heldBytes, 0);
    const isFull = heldBytes >= boundBytes || sink.writableNeedDrain;
    if (isFull === isPaused) return;
    isPaused = isFull;
    if (isFull) source.pause();
    else source.resume();
  }
}
