import { MalformedRequest } from "./trace-request.ts";

/** What protobuf's own parsers bound. */
export const deepestNesting = 100;

/**
 * Reads what protobuf puts on the wire (protobuf.dev/programming-guides/encoding). Nothing is read past the `end` that it is
 * given, and whatever the bytes are, each call gets nearer to it or throws.
 */
export class ProtobufReader {
  readonly bytes: Buffer;
  at = 0;
  /** Of the last varint: unsigned, 32 bits each. */
  low = 0;
  high = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A field's number and wire type. */
  tag(end: number): number {
    const byte = this.at < end ? (this.bytes[this.at] as number) : 0x80;
    if (byte >= 0x80) this.varint(end);
    else {
      this.at += 1;
      this.low = byte;
      this.high = 0;
    }
    if (this.high !== 0 || this.low >>> 3 === 0)
      throw new MalformedRequest(`expected a field at byte ${this.at}, got number ${this.low >>> 3}`);
    return this.low;
  }

  /** Of what follows, which is all there. */
  length(end: number): number {
    const byte = this.at < end ? (this.bytes[this.at] as number) : 0x80;
    if (byte >= 0x80) this.varint(end);
    else {
      this.at += 1;
      this.low = byte;
      this.high = 0;
    }
    if (this.high !== 0 || this.low > end - this.at)
      throw new MalformedRequest(`a field at byte ${this.at} is longer than what it is in`);
    return this.low;
  }

  /** Into `low` and `high`. */
  varint(end: number): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new MalformedRequest(`cut off at byte ${this.at}`);
      const byte = bytes[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) break;
      else high |= bits << 31;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new MalformedRequest(`a varint before byte ${this.at} has more than 64 bits`);
  }

  fixed32(end: number): number {
    const { bytes, at } = this;
    if (end - at < 4) throw new MalformedRequest(`cut off at byte ${end}`);
    this.at = at + 4;
    return (
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0
    );
  }

  double(end: number): number {
    if (end - this.at < 8) throw new MalformedRequest(`cut off at byte ${end}`);
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }

  /** Leaves out the value of a field that is not known. */
  skip(tag: number, end: number): void {
    const groups: number[] = [];
    for (let next = tag; ; next = this.tag(end)) {
      switch (next & 7) {
        case 0:
          this.varint(end);
          break;
        case 1:
          this.#past(8, end);
          break;
        case 2:
          this.#past(this.length(end), end);
          break;
        case 3: // a group, which a tag of its own ends
          if (groups.push(next >>> 3) > deepestNesting)
            throw new MalformedRequest(`nested deeper than ${deepestNesting} messages`);
          break;
        case 4:
          if (groups.pop() !== next >>> 3)
            throw new MalformedRequest(`a group that did not begin ends at byte ${this.at}`);
          break;
        case 5:
          this.#past(4, end);
          break;
        default:
          throw new MalformedRequest(`wire type ${next & 7} before byte ${this.at}, which there is not`);
      }
      if (groups.length === 0) return;
    }
  }

  #past(sizeBytes: number, end: number): void {
    if (end - this.at < sizeBytes) throw new MalformedRequest(`cut off at byte ${end}`);
    this.at += sizeBytes;
  }
}
