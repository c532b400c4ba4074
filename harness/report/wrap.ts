/**
 * Breaks at spaces, but not between a figure and its unit, and within a word only when it alone is too long. Lines
 * after the first are indented.
 */
export function wrap(text: string, columns: number, indent = 0): string[] {
  const lines: string[] = [];
  let rest = text.replace(/(\d) (?=(?:%|µs|ms|s|min|B|KB|MB|GB)(?!\w))/g, "$1\u00a0");
  let room = columns;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const isWordTooLong = space <= (lines.length === 0 ? indent : 0);
    const end = isWordTooLong ? room : space;
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
    room = columns - indent;
  }
  lines.push(rest);
  return lines.map((line, index) => (" ".repeat(index === 0 ? 0 : indent) + line).replaceAll("\u00a0", " "));
}
