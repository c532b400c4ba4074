import type { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { DelayLine } from "./delay-line.ts";
import { attributesOf, milliseconds, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ delay: milliseconds() });

/** The end of the stream arrives `delay` milliseconds later; data is left alone. */
export const slowClose: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes: Infinity }); // holds endings only
    return {
      write: (chunk) => outlet.write(chunk),
      end(ending) {
        outlet.touch(0);
        line.hold(ending, systemClock.nowMs() + attributes().delay);
      },
      isFull: () => line.isFull(),
      update: () => line.release(),
      release: () => line.release(),
      drop: () => line.drop(),
    };
  },
};
