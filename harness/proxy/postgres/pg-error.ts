import { z } from "zod";
import { callAttributes } from "../call-fault.ts";
import { postgres } from "./postgres.ts";
import { postgresError } from "./postgres-error.ts";
import type { StatementFaultKind } from "./statement-fault.ts";
import { statementMatch } from "./statement-match.ts";

const codeError =
  'expected the SQLSTATE of an error, 5 digits and capitals such as "40001", not of class 00, 01 or 02';
const messageError = "expected a text of 1 to 1000 characters";

/** Toxiproxy's command line sends what looks like a number as one: `-a code=40001`, and 8006 for 08006. */
const asText = (code: unknown): unknown =>
  Number.isInteger(code) && Number(code) >= 0 ? String(code).padStart(5, "0") : code;

const attributes = callAttributes(statementMatch, {
  code: z.preprocess(
    asText,
    z.string({ error: codeError }).regex(/^(?!0[012])[0-9A-Z]{5}$/, { error: codeError }),
  ),
  message: z
    .string({ error: messageError })
    .regex(/^[^\0]{1,1000}$/, { error: messageError })
    .optional(),
});

/** Statements do not run; the caller gets an error with this `code`. */
export const pgError: StatementFaultKind = {
  protocol: postgres,
  attributes,
  streams: ["downstream"],
  plan(given) {
    const { code, message } = attributes.parse(given);
    return { act: "fail", error: postgresError(code, message) };
  },
};
