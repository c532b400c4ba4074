import { z } from "zod";
import { wholeNumber } from "../toxics/toxic-kind.ts";
import { headerValues } from "./header-fields.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const bodyError = "expected a text of at most 65536 characters";

const attributes = httpAttributes({
  status: wholeNumber("an HTTP status", { from: 200, to: 599 }),
  body: z.string({ error: bodyError }).max(65_536, { error: bodyError }).optional(),
  headers: headerValues.default({}),
});

/** The call is answered with a status instead of reaching the callee. */
export const httpStatus: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream"],
  attributes,
  plan: ({ status, headers, body }) => ({ act: "answer", status, headers, body }),
};
