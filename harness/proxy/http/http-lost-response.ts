import { z } from "zod";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const ends = ["reset", "close", "hang"] as const;

const attributes = httpAttributes({
  then: z.enum(ends, { error: `expected one of ${ends.join(", ")}` }).default("reset"),
});

/** The callee executes the call and answers, the caller never hears: what finds a call that is not safe to repeat. */
export const httpLostResponse: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream"],
  attributes,
  plan: ({ then }) => ({ act: "lose", then }),
};
