import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { defineToxic } from "./toxic.ts";

/**
 * A black hole: bytes vanish, and the connection closes `timeout` ms after the toxic came upon it; with 0, never. When
 * the toxic goes, connections that lost bytes are closed, since what was swallowed cannot be made good.
 */
export const timeout = defineToxic({
  type: "timeout",
  attributes: z.strictObject({ timeout: wholeNumber("ms") }),
  open({ timeout: timeoutMs }, { affect, close }) {
    let lostSomething = false;
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => {
            affect(0);
            close();
          }, timeoutMs);
    return {
      heldBytes: 0,
      push(chunk) {
        lostSomething = true;
        affect(chunk.length);
      },
      end() {
        lostSomething = true;
        affect(0);
      },
      close(discard) {
        clearTimeout(timer);
        if (!discard && lostSomething) close();
      },
    };
  },
});
