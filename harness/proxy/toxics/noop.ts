import { z } from "zod";
import { defineToxic } from "./toxic.ts";

/** Does nothing: where writing a toxic starts. */
export const noop = defineToxic({
  type: "noop",
  attributes: z.strictObject({}),
  open: (_attributes, { next }) => ({
    heldBytes: 0,
    push: (chunk) => next.push(chunk),
    end: () => next.end(),
    close: () => undefined,
  }),
});
