import type { SessionOutlet, SessionStage } from "../session.ts";
import type { Ending } from "../toxics/toxic-kind.ts";
import type { Conversation, Exchange, Stop } from "./exchange.ts";
import { live, type Wanted } from "./http-fault.ts";
import { Input } from "./input.ts";
import { endsConnection, localAnswer } from "./local-answer.ts";
import { MessageEditor } from "./message-editor.ts";
import type { RequestHead } from "./message-head.ts";
import { RequestReader, type BodyPiece, type Piece } from "./message-reader.ts";
import { Outbox } from "../outbox.ts";
import { Pause } from "./pause.ts";

/** How many requests may be on their way without an answer. */
export const longestPipeline = 1_024;

/**
 * Reads the requests of a connection, one after the other: what follows a request that has to wait is not read before it
 * has gone on.
 *
 *   input ─→ reader ─→ delay ─┬─→ editor ─→ the callee
 *                             └─→ swallowed: answered here, or reset
 */
export class RequestSide implements SessionStage {
  readonly #conversation: Conversation;
  readonly #outlet: SessionOutlet;
  readonly #input = new Input();
  readonly #reader = new RequestReader();
  readonly #out: Outbox;
  readonly #pause: Pause;
  /** The one whose request is being read. */
  #exchange: Exchange | undefined;
  /** What is done with its request; `undefined`: it is passed on. */
  #way: MessageEditor | "swallow" | undefined;
  #stop: Stop | undefined;
  /** A head that waits. */
  #heldHead: Buffer | undefined;
  #heldEnding: Ending | undefined;
  #isReading = false;
  /** How bytes are taken that are no longer read. */
  #after: "pass" | "swallow" | undefined;
  #isOver = false;

  constructor(conversation: Conversation, outlet: SessionOutlet) {
    this.#conversation = conversation;
    this.#outlet = outlet;
    this.#out = new Outbox((bytes) => outlet.write(bytes));
    this.#pause = new Pause(() => this.pump());
  }

  /** Whether requests pass unread from here on. */
  get isUnreadable(): boolean {
    return this.#after === "pass";
  }

  /** Whether the request that is being read does not reach the callee. */
  get isSwallowing(): boolean {
    return this.#way === "swallow" || this.#after === "swallow";
  }

  write(chunk: Buffer): void {
    this.#input.push(chunk);
    this.#read();
  }

  end(ending: Ending): void {
    this.#input.push(ending);
    this.#read();
  }

  isFull(): boolean {
    return this.#input.isFull();
  }

  drop(): void {
    this.#isOver = true;
    this.#pause.drop();
    this.#input.clear();
    if (this.#exchange?.local?.by === "nothing-yet") this.#exchange.local = { by: "close" };
    this.#conversation.copies.drop();
  }

  /** Goes on, because something has changed that it waited for. */
  pump(): void {
    this.#read();
    if (!this.#isOver) this.#outlet.settle();
  }

  /** The faults in place have changed. */
  review(): void {
    this.#pause.review();
    if (this.#way instanceof MessageEditor) this.#way.review();
    this.pump();
  }

  /** Passes on all that it has, unchanged, and reads no more. */
  release(): void {
    this.#pause.drop();
    if (this.#heldHead) this.#out.add(this.#heldHead);
    if (this.#way instanceof MessageEditor) this.#way.release();
    this.#out.add(this.#reader.rest());
    this.#after = "pass";
    this.#read();
    this.#passEnding();
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isOver && !this.#pause.isOn && this.#conversation.exchanges.length < longestPipeline) {
      const piece = this.#after === undefined ? this.#reader.next() : undefined;
      if (piece !== undefined) this.#take(piece);
      else if (!this.#feed()) break;
    }
    this.#isReading = false;
    if (this.#isOver) return;
    this.#out.flush();
    if (this.#heldEnding !== undefined && this.#conversation.copies.isIdle) this.#passEnding();
  }

  /** @returns whether there was anything */
  #feed(): boolean {
    const item = this.#input.shift();
    if (item === undefined) return false;
    if (typeof item === "string") this.#end(item);
    else if (this.#after === undefined) this.#reader.feed(item);
    else if (this.#after === "pass") this.#out.add(item);
    return true;
  }

  #take(piece: Piece<RequestHead>): void {
    switch (piece.kind) {
      case "head":
        return this.#begin(piece.head);
      case "data":
      case "framing":
        return this.#body(piece);
      case "end":
        return this.#finish();
      case "unreadable":
        return this.#fail();
    }
  }

  #begin(head: RequestHead): void {
    const exchange = this.#conversation.begin(head);
    this.#exchange = exchange;
    this.#way = undefined;
    if (exchange.wanted.length === 0) return this.#out.add(head.bytes);
    const delays = live(exchange.wanted, "delay").filter(({ step }) => step.before === "call");
    this.#heldHead = head.bytes;
    this.#pause.wait(delays, "the call", head.bytes.length, () => {
      this.#heldHead = undefined;
      this.#dispatch(exchange, head);
    });
  }

  #dispatch(exchange: Exchange, head: RequestHead): void {
    const stop = exchange.wanted.find(isStop);
    if (stop !== undefined) return this.#keepFromCallee(exchange, head, stop);
    const { wanted } = exchange;
    const duplicates = live(wanted, "duplicate");
    if (duplicates.length > 0 && head.method !== "CONNECT" && !head.headers.has("connection", "upgrade"))
      exchange.copy = { method: head.method, wanted: duplicates, bytes: [] };
    const editor = new MessageEditor({
      stream: "upstream",
      wanted,
      write: (bytes) => this.#forward(bytes),
      cut: () => this.#cut(),
    });
    this.#way = editor;
    editor.head(head);
  }

  #keepFromCallee(exchange: Exchange, head: RequestHead, stop: Stop): void {
    this.#way = "swallow";
    exchange.local = { by: "nothing-yet" };
    this.#stop = stop;
    if (stop.step.act === "abort") {
      exchange.local = { by: "reset", stop };
      this.#after = "swallow";
      this.#conversation.onLocalEnd();
    } else if (head.headers.has("expect", "100-continue")) this.#finish();
  }

  #body(piece: BodyPiece): void {
    if (this.#way === undefined) this.#out.add(piece.bytes);
    else if (this.#way !== "swallow") this.#way.body(piece);
  }

  #finish(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const stop = this.#stop;
    if (this.#way instanceof MessageEditor) this.#way.end();
    if (this.#isOver) return;
    this.#way = undefined;
    this.#stop = undefined;
    this.#exchange = undefined;
    exchange.isRequestOver = true;
    if (stop?.step.act === "answer") {
      const closes = endsConnection(exchange.request);
      const pieces = [...localAnswer(stop.step, exchange.request, closes)];
      exchange.local = { by: "answer", stop, pieces, closes };
      if (closes) this.#after = "swallow";
      this.#conversation.onLocalEnd();
    } else this.#conversation.onRequestOver(exchange);
  }

  #forward(bytes: Buffer): void {
    this.#out.add(bytes);
    const exchange = this.#exchange;
    if (exchange?.copy && !this.#conversation.copies.keep(exchange.copy, bytes)) exchange.copy = undefined;
  }

  #cut(): void {
    this.#out.flush();
    this.#outlet.end("close");
  }

  #fail(): void {
    if (this.#way === "swallow") return this.#cutShort();
    this.#forgetRequest();
    this.#out.add(this.#reader.rest());
    this.#after = "pass";
    this.#conversation.onRequestsUnreadable();
  }

  /** A request that is answered here ends before its end. */
  #cutShort(): void {
    if (this.#exchange?.local?.by === "nothing-yet") this.#exchange.local = { by: "close" };
    this.#after = "swallow";
    this.#conversation.onLocalEnd();
  }

  #forgetRequest(): void {
    if (this.#way instanceof MessageEditor) this.#way.release();
    const copy = this.#exchange?.copy;
    if (copy) this.#conversation.copies.forget(copy);
    if (this.#exchange) this.#exchange.copy = undefined;
    this.#exchange = undefined;
    this.#way = undefined;
  }

  #end(ending: Ending): void {
    if (this.#way === "swallow") this.#cutShort();
    else {
      this.#forgetRequest();
      if (this.#after === undefined) this.#out.add(this.#reader.rest());
    }
    this.#heldEnding = ending;
  }

  #passEnding(): void {
    const ending = this.#heldEnding;
    this.#heldEnding = undefined;
    this.#out.flush();
    if (ending !== undefined && !this.#isOver) this.#outlet.end(ending);
  }
}

function isStop(wanted: Wanted): wanted is Stop {
  const { step } = wanted;
  const stops = step.act === "answer" || (step.act === "abort" && step.when === "before-call");
  return stops && wanted.isLive();
}
