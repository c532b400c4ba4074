/** An id, or another short text that is looked up in a database. PostgreSQL's text has no NUL. */
export const id = {
  type: "string",
  minLength: 1,
  maxLength: 200,
  pattern: "^[^\\u0000]*$",
} as const;
