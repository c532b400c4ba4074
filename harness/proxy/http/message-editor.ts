import type { Stream } from "../toxic.ts";
import { corruptBytes } from "./corruption.ts";
import type { HeaderLines } from "./header-lines.ts";
import { live, type HttpStep, type Wanted } from "./http-fault.ts";
import { replaceField } from "./json-field.ts";
import { headBytes, type MessageHead } from "./message-head.ts";
import type { BodyPiece } from "./message-reader.ts";

/** The largest body that is kept whole, in bytes. */
export const largestBodyBytes = 1_024 * 1_024;

export interface EditorOptions {
  readonly stream: Stream;
  readonly wanted: readonly Wanted[];
  readonly write: (bytes: Buffer) => void;
  /** The message ends here, unfinished, and the connection with it. */
  readonly cut: () => void;
}

/**
 * Changes one message as the faults ask that took its call; what none asks for stays byte for byte.
 *
 *   head ─→ header ─→ corrupt (keeps the body until it is whole) ─→ truncate ─→ out
 */
export class MessageEditor {
  readonly #options: EditorOptions;
  readonly #what: string;
  #head: MessageHead | undefined;
  #lines: HeaderLines | undefined;
  /** The body so far while it is kept. */
  #kept: BodyPiece[] | undefined;
  #keptBytes = 0;
  #sentBytes = 0;
  #isCut = false;

  constructor(options: EditorOptions) {
    const { stream, wanted } = options;
    this.#options = { ...options, wanted: wanted.filter(({ step }) => isOf(step, stream)) };
    this.#what = stream === "upstream" ? "request" : "answer";
  }

  head(head: MessageHead): void {
    this.#head = head;
    this.#lines = this.#changeHeaders(head.headers);
    if (this.#wantsWhole(head)) this.#kept = [];
    else this.#writeHead();
  }

  body(piece: BodyPiece): void {
    if (this.#kept === undefined) return this.#emit(piece);
    const roomBytes = largestBodyBytes - this.#keptBytes;
    this.#kept.push({ ...piece, bytes: piece.bytes.subarray(0, roomBytes) });
    this.#keptBytes += piece.bytes.length;
    if (this.#keptBytes < largestBodyBytes) return;
    this.#passOn(this.#corruptBytes(this.#kept));
    this.#emit({ ...piece, bytes: piece.bytes.subarray(roomBytes) });
  }

  end(): void {
    if (this.#kept !== undefined) this.#passOn(this.#corruptBytes(this.#corruptFields(this.#kept)));
  }

  /** The faults in place have changed: passes on what is kept for none of them. */
  review(): void {
    if (this.#kept !== undefined && this.#head !== undefined && !this.#wantsWhole(this.#head)) this.release();
  }

  /** Passes on what is kept, as it is. */
  release(): void {
    if (this.#kept !== undefined) this.#passOn(this.#kept);
  }

  #changeHeaders(lines: HeaderLines): HeaderLines {
    let changed = lines;
    for (const { step, taken } of live(this.#options.wanted, "header")) {
      const before = changed;
      for (const name of step.remove) changed = changed.with(name, undefined);
      for (const [name, value] of Object.entries(step.set)) changed = changed.with(name, value);
      if (changed !== before) taken.affect(`changed headers of the ${this.#what}`);
    }
    return changed;
  }

  #wantsWhole({ framing, headers }: MessageHead): boolean {
    const { wanted, stream } = this.#options;
    // Who waits for 100 Continue sends no body before the callee has seen the head.
    if (framing.by === "nothing" || (stream === "upstream" && headers.has("expect", "100-continue")))
      return false;
    return (
      live(wanted, "corrupt-bytes").length > 0 ||
      (live(wanted, "corrupt-field").length > 0 &&
        isPlainJson(headers) &&
        (framing.by !== "length" || framing.sizeBytes < largestBodyBytes))
    );
  }

  #corruptFields(pieces: readonly BodyPiece[]): readonly BodyPiece[] {
    const wanted = live(this.#options.wanted, "corrupt-field");
    const head = this.#head;
    if (wanted.length === 0 || head === undefined || !isPlainJson(head.headers)) return pieces;
    const before: Buffer = Buffer.concat(
      pieces.filter(({ kind }) => kind === "data").map(({ bytes }) => bytes),
    );
    let body: Buffer = before;
    for (const { step, taken } of wanted) {
      const replaced = replaceField(body, step.pointer, step.value);
      if (replaced === undefined) continue;
      taken.affect(`changed ${step.pointer} in the ${this.#what}`, body.length);
      body = replaced;
    }
    return body === before ? pieces : this.#frame(body, pieces, head);
  }

  /** Puts a body in the place of another. */
  #frame(body: Buffer, pieces: readonly BodyPiece[], { framing }: MessageHead): readonly BodyPiece[] {
    const data = { kind: "data", bytes: body } as const;
    switch (framing.by) {
      case "length":
        this.#lines = this.#lines?.with("content-length", String(body.length));
        return [data];
      case "chunks": {
        // Behind the data stand the end of its chunk, the last chunk and the trailers.
        const behind = pieces.slice(pieces.findLastIndex(({ kind }) => kind === "data") + 1);
        const size = Buffer.from(`${body.length.toString(16)}\r\n`);
        return [{ kind: "framing", bytes: size }, data, ...behind];
      }
      case "close":
      case "next-head":
      case "nothing":
        return [data];
    }
  }

  #corruptBytes(pieces: readonly BodyPiece[]): readonly BodyPiece[] {
    let corrupted = pieces;
    for (const { step, taken } of live(this.#options.wanted, "corrupt-bytes")) {
      const data = corrupted.filter(({ kind }) => kind === "data").map(({ bytes }) => bytes);
      const before = Buffer.concat(data);
      if (before.length === 0) continue;
      const after = corruptBytes(before, step.count, taken.random.fork("bytes"));
      const count = Math.min(step.count, before.length);
      taken.affect(`changed ${count} ${count === 1 ? "byte" : "bytes"} of the ${this.#what}`, count);
      let at = 0;
      corrupted = corrupted.map((piece) =>
        piece.kind === "data" ? { ...piece, bytes: after.subarray(at, (at += piece.bytes.length)) } : piece,
      );
    }
    return corrupted;
  }

  #passOn(pieces: readonly BodyPiece[]): void {
    this.#kept = undefined;
    this.#writeHead();
    for (const piece of pieces) this.#emit(piece);
  }

  #writeHead(): void {
    if (this.#head === undefined || this.#lines === undefined) return;
    this.#options.write(
      this.#lines === this.#head.headers ? this.#head.bytes : headBytes(this.#head, this.#lines),
    );
  }

  #emit({ kind, bytes }: BodyPiece): void {
    if (this.#isCut || bytes.length === 0) return;
    const { wanted, write, cut } = this.#options;
    if (kind === "framing") return write(bytes);
    const shortest = live(wanted, "truncate").reduce<Truncate | undefined>(
      (least, other) => (least && least.step.sizeBytes <= other.step.sizeBytes ? least : other),
      undefined,
    );
    const roomBytes = Math.max(0, (shortest?.step.sizeBytes ?? Infinity) - this.#sentBytes);
    this.#sentBytes += bytes.length;
    if (shortest === undefined || bytes.length <= roomBytes) return write(bytes);
    this.#isCut = true;
    write(bytes.subarray(0, roomBytes));
    const { sizeBytes } = shortest.step;
    shortest.taken.affect(`cut the ${this.#what}'s body at ${sizeBytes} bytes`, bytes.length - roomBytes);
    cut();
  }
}

type Truncate = Wanted<Extract<HttpStep, { readonly act: "truncate" }>>;

function isOf(step: HttpStep, stream: Stream): boolean {
  return "stream" in step && step.stream === stream;
}

/** Whether a body is JSON, in the encoding in which it can be read. */
function isPlainJson(headers: HeaderLines): boolean {
  const encoding = headers.value("content-encoding")?.toLowerCase() ?? "identity";
  return (
    encoding === "identity" &&
    /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.value("content-type") ?? "")
  );
}
