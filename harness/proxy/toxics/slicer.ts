import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { createDelayLine } from "./delay-line.ts";
import { defineToxic } from "./toxic.ts";

/** Data arrives in pieces of about `average_size` bytes, give or take `size_variation`, `delay` microseconds apart. */
export const slicer = defineToxic({
  type: "slicer",
  attributes: z
    .strictObject({
      average_size: wholeNumber("bytes", { minimum: 1, byDefault: 1 }),
      size_variation: wholeNumber("bytes"),
      delay: wholeNumber("µs"),
    })
    .refine(({ average_size, size_variation }) => size_variation < average_size, {
      path: ["size_variation"],
      error: "expected less than average_size",
    }),
  open(
    { average_size: averageBytes, size_variation: variationBytes, delay: delayUs },
    { next, random, affect },
  ) {
    const line = createDelayLine(next);
    return {
      get heldBytes() {
        return line.heldBytes;
      },
      push(chunk) {
        affect(chunk.length);
        for (let start = 0; start < chunk.length;) {
          const sizeBytes = averageBytes + random.integer(-variationBytes, variationBytes + 1);
          const dueMs = Math.max(performance.now(), line.lastDueMs + delayUs / 1_000);
          line.add(chunk.subarray(start, start + sizeBytes), dueMs);
          start += sizeBytes;
        }
      },
      end: () => line.add("end", line.lastDueMs),
      close: (discard) => line.close(discard),
    };
  },
});
