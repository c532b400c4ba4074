/** Header lines of one message as they came: Latin-1, each with its line end. */
export class HeaderLines {
  /** Begins with the line end of the line before. */
  readonly text: string;
  #lower: string | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** All values of a header, in order. @param name in lower case */
  values(name: string): readonly string[] {
    const lower = (this.#lower ??= this.text.toLowerCase());
    const start = `\r\n${name}:`;
    let at = lower.indexOf(start);
    if (at < 0) return none;
    const found: string[] = [];
    for (; at >= 0; at = lower.indexOf(start, at + 1)) {
      const from = at + start.length;
      found.push(this.text.slice(from, lower.indexOf("\r\n", from)).trim());
    }
    return found;
  }

  /** The values of a header as one list. @param name in lower case */
  value(name: string): string | undefined {
    const values = this.values(name);
    return values.length > 1 ? values.join(", ") : values[0];
  }

  /** Whether a header's list has this element. Both in lower case. */
  has(name: string, element: string): boolean {
    const listed = this.values(name).flatMap((value) => value.toLowerCase().split(","));
    return listed.some((one) => one.trim() === element);
  }

  /**
   * The lines with one header set, in the place of its first line or else at the end, or removed.
   * @param value `undefined` removes it
   * @returns these same lines when that changes nothing
   */
  with(name: string, value: string | undefined): HeaderLines {
    const present = this.values(name.toLowerCase());
    if (present.length === 0 && value === undefined) return this;
    if (present.length === 1 && present[0] === value) return this;
    const start = `${name.toLowerCase()}:`;
    let isPlaced = value === undefined;
    const lines = this.text
      .slice(2, -2)
      .split("\r\n")
      .flatMap((line) => {
        if (!line.toLowerCase().startsWith(start)) return line === "" ? [] : [line];
        if (isPlaced) return [];
        isPlaced = true;
        return [`${line.slice(0, start.length)} ${value}`];
      });
    if (!isPlaced) lines.push(`${name}: ${value}`);
    return new HeaderLines(["", ...lines, ""].join("\r\n"));
  }
}

const none: readonly string[] = [];
