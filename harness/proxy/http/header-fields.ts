import { z } from "zod";

/** By these the ends of messages and connections are found: changed, they would make other messages of the bytes. */
const fixed = ["host", "content-length", "transfer-encoding", "connection"];

const nameError = `expected the name of a header other than ${fixed.join(", ")}`;
const valueError = "expected a text of Latin-1 without line ends";

/** The name of a header that a fault may set or remove. */
export const headerName = z
  .string({ error: nameError })
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: nameError })
  .refine((name) => !fixed.includes(name.toLowerCase()), { error: nameError });

/** Headers that a fault sets, by name. */
export const headerValues = z.record(
  headerName,
  z
    .string({ error: valueError })
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: valueError })
    .transform((value) => value.trim()),
  { error: (issue) => (issue.code === "invalid_key" ? nameError : "expected a mapping of names to texts") },
);
