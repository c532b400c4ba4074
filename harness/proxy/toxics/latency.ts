import { z } from "zod";
import { wholeNumber } from "./attribute.ts";
import { createDelayLine } from "./delay-line.ts";
import { defineToxic } from "./toxic.ts";

/** Every chunk, and the end, arrives `latency` ms later, give or take up to `jitter` ms; order is kept. */
export const latency = defineToxic({
  type: "latency",
  attributes: z.strictObject({ latency: wholeNumber("ms"), jitter: wholeNumber("ms") }),
  open({ latency: latencyMs, jitter: jitterMs }, { next, random, affect }) {
    const line = createDelayLine(next);
    const dueMs = (): number =>
      performance.now() + Math.max(0, latencyMs + (jitterMs === 0 ? 0 : (random.next() * 2 - 1) * jitterMs));
    return {
      get heldBytes() {
        return line.heldBytes;
      },
      push(chunk) {
        affect(chunk.length);
        line.add(chunk, dueMs());
      },
      end: () => line.add("end", dueMs()),
      close: (discard) => line.close(discard),
    };
  },
});
