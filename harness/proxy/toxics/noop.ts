import type { z } from "zod";
import { attributesOf, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({});

/** Passes everything on: where a new toxic starts from. */
export const noop: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open: (outlet) => ({
    write: (chunk) => outlet.write(chunk),
    end: (ending) => outlet.end(ending),
    isFull: () => false,
    update: () => undefined,
    release: () => undefined,
    drop: () => undefined,
  }),
};
