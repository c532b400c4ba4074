/**
 * JSON text as bytes, into one buffer that grows and is used again: no object and, but for unusual text, no string stands
 * between a request's bytes and those of the line that it becomes. Every member and element is followed by a comma, which
 * the bracket that closes takes the place of.
 */
export class JsonWriter {
  #bytes = Buffer.allocUnsafe(1 << 16);
  /** Written so far, in bytes. Set it back to take back what was written since. */
  length = 0;

  /** What was written. It is overwritten by what is written next after `length` is set back. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** @param text a few bytes of JSON */
  raw(text: Uint8Array): void {
    const { length } = text;
    this.#reserve(length);
    const bytes = this.#bytes;
    let to = this.length;
    for (let from = 0; from < length; from += 1) bytes[to++] = text[from] as number;
    this.length = to;
  }

  /** @param bracket `]` or `}` */
  close(bracket: number): void {
    if (this.#bytes[this.length - 1] === comma) this.#bytes[this.length - 1] = bracket;
    else this.byte(bracket);
  }

  /** A string of JSON from UTF-8; what is none of that becomes U+FFFD, since one name must not cost a whole request. */
  text(from: Buffer, start: number, end: number): void {
    this.#reserve(2 * (end - start) + 2);
    const bytes = this.#bytes;
    let to = this.length;
    bytes[to++] = quote;
    for (let at = start; at < end; at += 1) {
      const byte = from[at] as number;
      const escape = escapes[byte] as number;
      if (escape === asItIs) bytes[to++] = byte;
      else if (escape === byNode) return this.#ascii(JSON.stringify(from.toString("utf8", start, end)));
      else {
        bytes[to++] = backslash;
        bytes[to++] = escape;
      }
    }
    bytes[to++] = quote;
    this.length = to;
  }

  hex(from: Buffer, start: number, end: number): void {
    this.#reserve(2 * (end - start) + 2);
    const bytes = this.#bytes;
    let to = this.length;
    bytes[to++] = quote;
    for (let at = start; at < end; at += 1) {
      const byte = from[at] as number;
      bytes[to++] = hexDigits[byte >>> 4] as number;
      bytes[to++] = hexDigits[byte & 15] as number;
    }
    bytes[to++] = quote;
    this.length = to;
  }

  base64(from: Buffer, start: number, end: number): void {
    this.#ascii(`"${from.toString("base64", start, end)}"`);
  }

  /** An unsigned 64-bit number in two halves, as text. */
  uint64Text(high: number, low: number): void {
    this.byte(quote);
    // Long division by 10^9 in steps that a double holds exactly.
    const upper = high * 65_536 + (low >>> 16);
    const upperQuotient = Math.floor(upper / 1e9);
    const lower = (upper - upperQuotient * 1e9) * 65_536 + (low & 0xffff);
    const lowerQuotient = Math.floor(lower / 1e9);
    const quotient = upperQuotient * 65_536 + lowerQuotient;
    const rest = lower - lowerQuotient * 1e9;
    if (quotient === 0) this.wholeNumber(rest);
    else {
      this.wholeNumber(quotient);
      this.#digits(rest, 9);
    }
    this.byte(quote);
  }

  /** A signed 64-bit number in two halves, as text. */
  int64Text(high: number, low: number): void {
    if (high >>> 31 === 0) return this.uint64Text(high, low);
    this.#ascii(`"${BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))}"`);
  }

  /** @param value 0 to 2^53 */
  wholeNumber(value: number): void {
    let digits = 1;
    for (let bound = 10; value >= bound; bound *= 10) digits += 1;
    this.#digits(value, digits);
  }

  /** As protobuf maps it: what JSON has no number for is text. */
  double(value: number): void {
    if (Number.isFinite(value)) this.#ascii(Object.is(value, -0) ? "-0" : String(value));
    else this.#ascii(`"${value}"`);
  }

  #digits(value: number, digits: number): void {
    this.#reserve(digits);
    const bytes = this.#bytes;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at -= 1) {
      const quotient = Math.floor(rest / 10);
      bytes[at] = zero + (rest - quotient * 10);
      rest = quotient;
    }
    this.length += digits;
  }

  /** Text that JSON takes as it is; of any characters, in spite of the name of the usual case. */
  #ascii(text: string): void {
    this.#reserve(3 * text.length); // the most that UTF-8 needs for a unit of UTF-16
    this.length += this.#bytes.write(text, this.length, "utf8");
  }

  #reserve(more: number): void {
    if (this.length + more > this.#bytes.length) this.#grow(more);
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.length + more));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

export const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;
const zero = 0x30;
const hexDigits = Buffer.from("0123456789abcdef");

const asItIs = 0;
/** Left to `JSON.stringify`: other control characters, and all beyond ASCII, which may be no UTF-8. */
const byNode = 1;
/** What stands behind the backslash, by byte. */
const escapes = new Uint8Array(256).fill(byNode, 0, 0x20).fill(byNode, 0x80);
for (const [plain, escaped] of ['""', "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"])
  escapes[plain?.charCodeAt(0) ?? 0] = escaped?.charCodeAt(0) ?? 0;
