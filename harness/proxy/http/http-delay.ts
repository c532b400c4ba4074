import { z } from "zod";
import { checkSpread, drawDelayMs, spreadFields } from "../toxics/delay-spread.ts";
import { longestMs, wholeNumber } from "../toxics/toxic-kind.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const places = ["call", "answer", "piece"] as const;

const attributes = httpAttributes({
  delay: wholeNumber("milliseconds", { from: 0, to: longestMs }),
  before: z.enum(places, { error: `expected one of ${places.join(", ")}` }).default("call"),
  ...spreadFields,
}).superRefine(checkSpread);

/** The call reaches the callee later, or its answer the caller, or each piece of the answer's body comes after a wait. */
export const httpDelay: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream"],
  attributes,
  plan({ delay, before, ...spread }, { random, takenBefore }) {
    const own = random.fork("delay");
    let index = takenBefore;
    return { act: "delay", before, nextMs: () => drawDelayMs(delay, spread, own, index++) };
  },
};
