import type { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { DelayLine } from "./delay-line.ts";
import { attributesOf, milliseconds, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ latency: milliseconds(), jitter: milliseconds() });

/** What may be under way at once: 4 MiB over 100 ms are 40 MiB/s a connection. */
const capacityBytes = 4 * 1_024 * 1_024;

/**
 * Each chunk arrives `latency` ± `jitter` milliseconds later. Chunks are under way together, so a delay does not slow a
 * stream down; with jitter a chunk never overtakes the one before it.
 */
export const latency: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes });
    return {
      write(chunk) {
        const { latency, jitter } = attributes();
        const delayMs = latency + (jitter === 0 ? 0 : (outlet.random.next() * 2 - 1) * jitter);
        if (delayMs <= 0) return line.pass(chunk);
        outlet.touch(chunk.length);
        line.hold(chunk, systemClock.nowMs() + delayMs);
      },
      end: (ending) => line.pass(ending),
      isFull: () => line.isFull(),
      update: () => line.release(),
      release: () => line.release(),
      drop: () => line.drop(),
    };
  },
};
