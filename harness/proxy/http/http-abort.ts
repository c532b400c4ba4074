import { z } from "zod";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const moments = ["before-call", "after-head"] as const;

const attributes = httpAttributes({
  when: z.enum(moments, { error: `expected one of ${moments.join(", ")}` }).default("before-call"),
});

/** The connection is reset: before the callee hears of the call, or once the caller has the head of the answer. */
export const httpAbort: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream"],
  attributes,
  plan: ({ when }) => ({ act: "abort", when }),
};
