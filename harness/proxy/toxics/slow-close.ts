import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { createDelayLine } from "./delay-line.ts";
import { defineToxic } from "./toxic.ts";

/** The end of the connection arrives `delay` ms late. */
export const slowClose = defineToxic({
  type: "slow_close",
  attributes: z.strictObject({ delay: wholeNumber("ms") }),
  open({ delay: delayMs }, { next, affect }) {
    const line = createDelayLine(next);
    return {
      heldBytes: 0,
      push: (chunk) => next.push(chunk),
      end() {
        affect(0);
        line.add("end", performance.now() + delayMs);
      },
      close: (discard) => line.close(discard),
    };
  },
});
