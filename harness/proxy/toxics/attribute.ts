import { z } from "zod";

/** A whole number of some unit, at least `minimum`, absent means the default. */
export function wholeNumber(unit: string, { minimum = 0, byDefault = 0 } = {}) {
  return z
    .int({ error: `expected a whole number of ${unit}` })
    .min(minimum, { error: `expected at least ${minimum} ${unit}` })
    .max(2 ** 31 - 1, { error: `expected at most ${2 ** 31 - 1} ${unit}` })
    .default(byDefault);
}
