import { z } from "zod";
import { wholeNumber } from "../toxics/toxic-kind.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";
import { largestBodyBytes } from "./message-editor.ts";

const pointerError = 'expected a JSON pointer such as "/items/0/price"';

const attributes = httpAttributes({
  bytes: wholeNumber("bytes", { from: 1, to: largestBodyBytes }).optional(),
  field: z
    .string({ error: pointerError })
    .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, { error: pointerError })
    .optional(),
  value: z.unknown().optional(),
}).superRefine(({ bytes, field, value }, context) => {
  const refuse = (path: string, message: string, input: unknown): void =>
    context.addIssue({ code: "custom", path: [path], message, input });
  if (field !== undefined && bytes !== undefined) refuse("bytes", "expected only without field", bytes);
  if (field !== undefined && value === undefined)
    refuse("value", "expected the value to put in the field", value);
  if (field === undefined && value !== undefined) refuse("value", "expected only with field", value);
});

/** So many bytes of the body arrive changed (1 unless said), or one field of a JSON body has another value. */
export const httpCorrupt: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream", "upstream"],
  attributes,
  plan: ({ bytes = 1, field, value }, { stream }) =>
    field === undefined
      ? { act: "corrupt-bytes", stream, count: bytes }
      : { act: "corrupt-field", stream, pointer: field, value },
};
