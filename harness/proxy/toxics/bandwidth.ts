import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { createDelayLine } from "./delay-line.ts";
import { defineToxic } from "./toxic.ts";

/** Pieces are at most what fits through in this time, so that a thin link trickles instead of stalling. */
const pieceMs = 100;

/** No more than `rate` KB/s; a rate of 0 lets nothing through. */
export const bandwidth = defineToxic({
  type: "bandwidth",
  attributes: z.strictObject({ rate: wholeNumber("KB/s") }),
  open({ rate }, { next, affect }) {
    const line = createDelayLine(next);
    const bytesPerMs = rate;
    const pieceBytes = Math.max(1, Math.floor(bytesPerMs * pieceMs));
    let freeAtMs = 0;
    return {
      get heldBytes() {
        return line.heldBytes;
      },
      push(chunk) {
        affect(chunk.length);
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes);
          freeAtMs = Math.max(freeAtMs, performance.now()) + piece.length / bytesPerMs;
          line.add(piece, freeAtMs);
        }
      },
      end: () => line.add("end", line.lastDueMs),
      close: (discard) => line.close(discard),
    };
  },
});
