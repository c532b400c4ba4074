import { z } from "zod";
import { headerName, headerValues } from "./header-fields.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const attributes = httpAttributes({
  set: headerValues.default({}),
  remove: z.array(headerName, { error: "expected a list of names" }).default([]),
}).superRefine(({ set, remove }, context) => {
  if (Object.keys(set).length === 0 && remove.length === 0)
    context.addIssue({ code: "custom", message: "expected headers to set or to remove", input: set });
});

/** Headers of the request (upstream) or the answer (downstream) are removed, then others set. */
export const httpHeader: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream", "upstream"],
  attributes,
  plan: ({ set, remove }, { stream }) => ({ act: "header", stream, set, remove }),
};
