import type { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { DelayLine } from "./delay-line.ts";
import { checkSpread, drawDelayMs, spreadFields } from "./delay-spread.ts";
import { attributesOf, milliseconds, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ latency: milliseconds(), ...spreadFields }).superRefine(checkSpread);

/** What may be under way at once: 4 MiB over 100 ms are 40 MiB/s a connection. */
const capacityBytes = 4 * 1_024 * 1_024;

/**
 * Each chunk arrives `latency` milliseconds later, give or take what the spread says. Chunks are under way together, so a delay does not slow a
 * stream down; with jitter a chunk never overtakes the one before it.
 */
export const latency: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes });
    let count = 0;
    return {
      write(chunk) {
        const { latency, ...spread } = attributes();
        const delayMs = drawDelayMs(latency, spread, outlet.random, count);
        count += 1;
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
