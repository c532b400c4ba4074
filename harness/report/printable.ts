/**
 * The text with control characters (all but tab and line feed) and lone surrogates replaced by U+FFFD: a terminal does
 * not obey it, and HTML and XML may hold it.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is sought
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g, "\ufffd").toWellFormed();
}

/** The same on one line: runs of white space become one space. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s+/g, " ")).trim();
}
