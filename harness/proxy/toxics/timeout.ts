import type { z } from "zod";
import { attributesOf, milliseconds, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ timeout: milliseconds() });

/**
 * Swallows every byte, and closes the connection once nothing came for `timeout` milliseconds; 0 is a black hole, which
 * closes nothing while it lasts. A stream with a gap is no stream: a connection that lost bytes closes when the toxic
 * goes.
 */
export const timeout: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    let hasSwallowed = false;
    let timer: NodeJS.Timeout | undefined;
    const disarm = (): void => clearTimeout(timer);
    const arm = (): void => {
      disarm();
      const { timeout: timeoutMs } = attributes();
      if (timeoutMs === 0) return;
      timer = setTimeout(() => {
        outlet.touch(0);
        outlet.end("close");
      }, timeoutMs);
    };
    arm();
    return {
      write(chunk) {
        hasSwallowed = true;
        outlet.touch(chunk.length);
        arm();
      },
      end: (ending) => outlet.end(ending === "fin" && hasSwallowed ? "close" : ending),
      isFull: () => false,
      update: arm,
      release() {
        disarm();
        if (hasSwallowed) outlet.end("close");
      },
      drop: disarm,
    };
  },
};
