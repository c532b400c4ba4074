import type { z } from "zod";
import { attributesOf, wholeNumber, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({
  bytes: wholeNumber("bytes", { from: 0, to: Number.MAX_SAFE_INTEGER }).default(0),
});

/** The connection closes once the stream has carried `bytes` bytes since the toxic came. */
export const limitData: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    let carriedBytes = 0;
    return {
      write(chunk) {
        const roomBytes = Math.max(0, attributes().bytes - carriedBytes);
        const passed = chunk.subarray(0, roomBytes);
        carriedBytes += passed.length;
        if (passed.length > 0) outlet.write(passed);
        if (carriedBytes < attributes().bytes) return;
        outlet.touch(chunk.length - passed.length);
        outlet.end("close");
      },
      end: (ending) => outlet.end(ending),
      isFull: () => false,
      update: () => undefined,
      release: () => undefined,
      drop: () => undefined,
    };
  },
};
