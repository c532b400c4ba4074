/** What the packet is that a client begins with. */
export type Startup =
  /** Messages follow. */
  | "messages"
  /** The client asks for encryption; the server answers with one byte. */
  | "negotiation"
  /** It ends another connection's statement; nothing follows. */
  | "cancel"
  | "unreadable";

const headBytes = 8;
/** PostgreSQL's own limit of a start-up packet. */
const longestBytes = 10_000;
const cancelCode = 80_877_102;
const tlsCode = 80_877_103;
const gssCode = 80_877_104;

/** Reads the packet that a client begins with, which has a length and a code but no type; keeps its first bytes only. */
export class StartupReader {
  #head = Buffer.alloc(0);
  #missingBytes = headBytes;

  /** @returns how many of the bytes belong to the packet, and what it is once it is whole */
  next(bytes: Buffer): { readonly sizeBytes: number; readonly startup: Startup | undefined } {
    const part = bytes.subarray(0, this.#missingBytes);
    this.#missingBytes -= part.length;
    const isHeadWhole = this.#head.length === headBytes;
    if (!isHeadWhole) this.#head = Buffer.concat([this.#head, part]);
    if (this.#head[0] !== 0) return { sizeBytes: part.length, startup: "unreadable" };
    if (this.#missingBytes > 0) return { sizeBytes: part.length, startup: undefined };
    if (isHeadWhole) return { sizeBytes: part.length, startup: "messages" };
    return { sizeBytes: part.length, startup: this.#readHead() };
  }

  #readHead(): Startup | undefined {
    const lengthBytes = this.#head.readUInt32BE(0);
    const code = this.#head.readUInt32BE(4);
    if (lengthBytes < headBytes || lengthBytes > longestBytes) return "unreadable";
    if (code === cancelCode) return "cancel";
    if (code === tlsCode || code === gssCode) return "negotiation";
    if (code >>> 16 !== 3) return "unreadable";
    this.#missingBytes = lengthBytes - headBytes;
    return this.#missingBytes === 0 ? "messages" : undefined;
  }
}
