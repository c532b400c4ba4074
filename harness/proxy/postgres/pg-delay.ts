import { callAttributes } from "../call-fault.ts";
import { checkSpread, drawDelayMs, spreadFields } from "../toxics/delay-spread.ts";
import { longestMs, wholeNumber } from "../toxics/toxic-kind.ts";
import { postgres } from "./postgres.ts";
import type { StatementFaultKind } from "./statement-fault.ts";
import { statementMatch } from "./statement-match.ts";

const attributes = callAttributes(statementMatch, {
  delay: wholeNumber("milliseconds", { from: 0, to: longestMs }),
  ...spreadFields,
}).superRefine(checkSpread);

/** Statements reach the server `delay` milliseconds later, give or take what the spread says. */
export const pgDelay: StatementFaultKind = {
  protocol: postgres,
  attributes,
  streams: ["upstream"],
  plan(given, random, index) {
    const { delay, ...spread } = attributes.parse(given);
    return { act: "delay", delayMs: drawDelayMs(delay, spread, random, index) };
  },
};
