import type { Socket } from "node:net";
import { messageOf, systemErrorCode } from "../../base/errors.ts";
import { AnswerParser } from "./answer-parser.ts";
import type { Origin } from "./origin.ts";
import type { WrittenRequest } from "./request-writer.ts";

/** Who makes one request, and hears what becomes of it. After `onSent` comes one of the others; before, only `onLost`. */
export interface Asker {
  readonly request: WrittenRequest;
  /** The request is being put on the connection: from here on it may be executed. */
  onSent(): void;
  /** The answer is whole, and in the parser until the connection is asked again. */
  onAnswer(answer: AnswerParser): void;
  /** @param status of an answer that began */
  onLost(message: string, status: number | undefined): void;
}

/** Who keeps the connection. */
export interface ConnectionKeeper {
  /** Bytes came that belong to no answer; the connection is closed. */
  onUnasked(sizeBytes: number): void;
  onClosed(connection: Connection): void;
}

/**
 * One connection, with one request at a time. It connects at once; a request that is put on it before that waits.
 *
 *   connecting ─→ open ⇄ asked        any of them ─→ closed, for good
 *
 * It is closed as soon as it is not certain that the next bytes to come are those of the next answer.
 */
export class Connection {
  /** Epoch milliseconds; by then the server may be about to close it. */
  reusableUntilMs = Infinity;
  readonly #socket: Socket;
  readonly #keeper: ConnectionKeeper;
  readonly #parser = new AnswerParser();
  #state: "connecting" | "open" | "closed" = "connecting";
  #asker: Asker | undefined;

  constructor(origin: Origin, keeper: ConnectionKeeper) {
    this.#keeper = keeper;
    this.#socket = origin
      .connect((bytes, sizeBytes) => this.#read(bytes, sizeBytes))
      .on(origin.opened, () => {
        if (this.#state === "closed") return;
        this.#state = "open";
        if (this.#asker !== undefined) this.#send(this.#asker);
      })
      .on("end", () => this.#end())
      .on("error", (error) => this.close(reasonOf(error)))
      .on("close", () => this.close("the connection was closed"));
  }

  get isOpen(): boolean {
    return this.#state !== "closed";
  }

  /** Makes a request; the one before must be over, and the connection open. */
  ask(asker: Asker): void {
    this.#asker = asker;
    if (this.#state === "open") this.#send(asker);
  }

  /** @param message why, for whoever asked */
  close(message: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket.destroy();
    this.#keeper.onClosed(this);
    const asker = this.#asker;
    this.#asker = undefined;
    asker?.onLost(message, this.#parser.status || undefined);
  }

  #send(asker: Asker): void {
    const { method, text, encoding } = asker.request;
    this.#parser.begin(method);
    asker.onSent();
    this.#socket.write(text, encoding);
  }

  #read(bytes: Buffer, sizeBytes: number): void {
    if (this.#state === "closed") return;
    if (this.#asker === undefined) {
      this.close("bytes came that nobody had asked for");
      return this.#keeper.onUnasked(sizeBytes);
    }
    try {
      if (!this.#parser.read(bytes, sizeBytes)) return;
    } catch (error) {
      return this.close(messageOf(error));
    }
    this.#answer(this.#asker);
  }

  #answer(asker: Asker): void {
    const { isKeptAlive, surplusBytes } = this.#parser;
    this.#asker = undefined;
    // An answer that came before the request was out: what is left of it would go before the next.
    const isClear = isKeptAlive && surplusBytes === 0 && this.#socket.writableLength === 0;
    if (!isClear) this.close("the answer was the last on its connection");
    if (surplusBytes > 0) this.#keeper.onUnasked(surplusBytes);
    asker.onAnswer(this.#parser);
  }

  /** The server sends no more. */
  #end(): void {
    if (this.#asker !== undefined && this.#parser.finish()) this.#answer(this.#asker);
    else this.close("the connection was closed before the answer was whole");
  }
}

/** Of several addresses that were tried for a name, each has an error, and the whole has no message. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error.message || (systemErrorCode(error) ?? error.name);
}
