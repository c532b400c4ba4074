import type { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { DelayLine } from "./delay-line.ts";
import { attributesOf, wholeNumber, type ToxicKind } from "./toxic-kind.ts";

const largestBytes = 1_000_000_000;

const attributes = attributesOf({
  average_size: wholeNumber("bytes", { from: 1, to: largestBytes }),
  size_variation: wholeNumber("bytes", { from: 0, to: largestBytes }).default(0),
  delay: wholeNumber("microseconds", { from: 0, to: 60_000_000 }).default(0),
}).superRefine(({ average_size, size_variation }, context) => {
  if (size_variation > average_size)
    context.addIssue({
      code: "custom",
      path: ["size_variation"],
      message: `expected at most average_size (${average_size})`,
      input: size_variation,
    });
});

const capacityBytes = 64 * 1_024;

/**
 * Each chunk arrives in pieces of `average_size` ± `size_variation` bytes, `delay` **microseconds** apart. With a delay
 * below 0.1 ms, or on a busy machine, several pieces leave together, at the right rate.
 */
export const slicer: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes });
    let freeAtMs = 0;
    return {
      write(chunk) {
        const { average_size, size_variation, delay } = attributes();
        const nowMs = systemClock.nowMs();
        freeAtMs = Math.max(freeAtMs, nowMs);
        let isWhole = freeAtMs === nowMs;
        for (let from = 0; from < chunk.length;) {
          const spread = outlet.random.integer(-size_variation, size_variation + 1);
          const piece = chunk.subarray(from, from + Math.max(1, average_size + spread));
          isWhole &&= piece.length === chunk.length;
          line.hold(piece, freeAtMs);
          freeAtMs += delay / 1_000;
          from += piece.length;
        }
        if (!isWhole) outlet.touch(chunk.length);
      },
      end: (ending) => line.pass(ending),
      isFull: () => line.isFull(),
      update() {
        line.release();
        freeAtMs = 0;
      },
      release: () => line.release(),
      drop: () => line.drop(),
    };
  },
};
