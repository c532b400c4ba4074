import type { SessionOutlet } from "../session.ts";
import type { Ending } from "../toxics/toxic-kind.ts";
import { backendTypes, MessageReader, type MessagePart } from "./message-reader.ts";
import { Outbox } from "../outbox.ts";
import { errorResponse } from "./postgres-error.ts";
import { isFatal, type Substitute, type Substitutes } from "./substitutes.ts";

export interface AnswerReaderOptions {
  readonly outlet: SessionOutlet;
  readonly substitutes: Substitutes;
  /** The server has answered the client's wish for encryption with no. */
  readonly onClear: () => void;
  /** What comes cannot be read; all that was held has been passed on. */
  readonly onUnreadable: () => void;
}

/** An error of the server is smaller, in bytes; a larger one is passed on as it is. */
const keptErrorBytes = 64 * 1_024;
/** Answers that are kept back until it is known whether a substitute's error follows. */
const keptAnswers = 64;
/** What the longest of those can be; longer ones are no answers to a substitute. */
const keptAnswerBytes = 1_024;

/** Reads what the server answers, and puts the faults' errors in place of those of the substitutes. */
export class AnswerReader {
  readonly #options: AnswerReaderOptions;
  readonly #outbox: Outbox;
  readonly #messages = new MessageReader(backendTypes);
  #isNegotiating = false;
  #isOver = false;
  /** The begun head of a message. */
  #begun: Buffer = noBytes;
  /** The message that is being gathered. */
  #gathered: Buffer[] | undefined;
  /** Answers that may be a substitute's and are not for the client then. */
  #kept: { readonly type: string; readonly bytes: Buffer }[] = [];

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    this.#outbox = new Outbox((bytes) => options.outlet.write(bytes));
  }

  /** The next byte is the answer to a client's wish for encryption. */
  negotiate(): void {
    this.#isNegotiating = true;
  }

  write(chunk: Buffer): void {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = noBytes;
    while (rest.length > 0 && !this.#isOver)
      rest = this.#isNegotiating ? this.#decide(rest) : this.#read(rest);
    this.#outbox.flush();
  }

  end(ending: Ending): void {
    this.release();
    this.#options.outlet.end(ending);
  }

  /** Passes on all that is held. */
  release(): void {
    this.#passKept();
    for (const bytes of this.#gathered ?? []) this.#outbox.add(bytes);
    this.#outbox.add(this.#begun);
    this.#outbox.flush();
    this.#gathered = undefined;
    this.#begun = noBytes;
  }

  drop(): void {
    this.#isOver = true;
    this.#outbox.drop();
    this.#kept = [];
    this.#gathered = undefined;
    this.#begun = noBytes;
  }

  /** @returns what is left of the bytes */
  #decide(bytes: Buffer): Buffer {
    this.#isNegotiating = false;
    const answer = String.fromCharCode(bytes[0] ?? 0);
    if (answer !== "N" && answer !== "E") return this.#giveUp(bytes);
    this.#options.onClear();
    if (answer === "E") return bytes; // an error, as of a server that knows no encryption
    this.#outbox.add(bytes.subarray(0, 1));
    return bytes.subarray(1);
  }

  #read(bytes: Buffer): Buffer {
    const part = this.#messages.next(bytes);
    if (part === "malformed") return this.#giveUp(bytes);
    if (part === "incomplete") this.#begun = bytes;
    else this.#take(part);
    return part === "incomplete" ? noBytes : bytes.subarray(part.bytes.length);
  }

  #take(part: MessagePart): void {
    if (part.isFirst && this.#isWanted(part)) this.#gathered = [];
    if (this.#gathered === undefined) {
      if (part.isFirst) this.#passKept();
      this.#outbox.add(part.bytes);
      if (part.isLast && part.type === "Z") this.#options.substitutes.ready();
      return;
    }
    this.#gathered.push(part.bytes);
    if (!part.isLast) return;
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = undefined;
    if (part.type === "E") this.#takeError(bytes);
    else this.#keep(part.type, bytes);
  }

  /** Whether a message may be a substitute's. */
  #isWanted({ type, sizeBytes }: MessagePart): boolean {
    const { substitutes } = this.#options;
    if (substitutes.isEmpty) return false;
    if (type === "E") return sizeBytes <= keptErrorBytes;
    return substitutes.mayHide(type) && sizeBytes <= keptAnswerBytes;
  }

  #keep(type: string, bytes: Buffer): void {
    if (this.#kept.length === keptAnswers) this.#passKept();
    this.#kept.push({ type, bytes });
  }

  #passKept(): void {
    for (const { bytes } of this.#kept) this.#outbox.add(bytes);
    this.#kept = [];
  }

  #takeError(bytes: Buffer): void {
    const substitute = this.#options.substitutes.answer(bytes);
    if (substitute) this.#hide(substitute);
    this.#passKept();
    this.#outbox.add(substitute ? errorResponse(substitute.hit.plan.error) : bytes);
    if (substitute) this.#tell(substitute);
  }

  /** Forgets the answers that the client did not ask for. Notices between them stay. */
  #hide({ hidden }: Substitute): void {
    let missing = hidden;
    for (let index = this.#kept.length - 1; index >= 0 && missing !== ""; index -= 1) {
      if (this.#kept[index]?.type !== missing.at(-1)) continue;
      this.#kept.splice(index, 1);
      missing = missing.slice(0, -1);
    }
  }

  #tell({ hit, sizeBytes }: Substitute): void {
    const { error } = hit.plan;
    hit.call.affect(`answered ${error.code}`, sizeBytes);
    if (!isFatal(error)) return;
    this.#outbox.flush();
    this.#isOver = true;
    this.#options.outlet.end("close");
  }

  #giveUp(bytes: Buffer): Buffer {
    this.release();
    this.#outbox.add(bytes);
    this.#outbox.flush();
    this.#options.onUnreadable();
    return noBytes;
  }
}

const noBytes = Buffer.alloc(0);
