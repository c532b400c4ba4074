import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { defineToxic } from "./toxic.ts";

/** The connection is reset (RST to both sides) `timeout` ms after the toxic came upon it; until then nothing passes. */
export const resetPeer = defineToxic({
  type: "reset_peer",
  attributes: z.strictObject({ timeout: wholeNumber("ms") }),
  open({ timeout: timeoutMs }, { next, affect, reset }) {
    let held: Buffer[] = [];
    let heldBytes = 0;
    let hasEnded = false;
    const timer = setTimeout(() => {
      affect(heldBytes);
      reset();
    }, timeoutMs);
    return {
      get heldBytes() {
        return heldBytes;
      },
      push(chunk) {
        held.push(chunk);
        heldBytes += chunk.length;
      },
      end() {
        hasEnded = true;
      },
      close(discard) {
        clearTimeout(timer);
        const left = held;
        held = [];
        heldBytes = 0;
        if (discard) return;
        for (const chunk of left) next.push(chunk);
        if (hasEnded) next.end();
      },
    };
  },
});
