import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { defineToxic } from "./toxic.ts";

/** The connection closes once `bytes` have passed in this direction since the toxic came upon it. */
export const limitData = defineToxic({
  type: "limit_data",
  attributes: z.strictObject({ bytes: wholeNumber("bytes") }),
  open({ bytes }, { next, affect, close }) {
    let leftBytes = bytes;
    return {
      heldBytes: 0,
      push(chunk) {
        const passed = chunk.subarray(0, leftBytes);
        leftBytes -= passed.length;
        if (passed.length > 0) next.push(passed);
        if (leftBytes > 0) return;
        affect(chunk.length - passed.length);
        close();
      },
      end: () => next.end(),
      close: () => undefined,
    };
  },
});
