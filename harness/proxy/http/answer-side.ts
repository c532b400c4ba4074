import type { SessionOutlet, SessionStage } from "../session.ts";
import type { Ending } from "../toxics/toxic-kind.ts";
import type { Conversation, Exchange } from "./exchange.ts";
import { live, type HttpStep, type Wanted } from "./http-fault.ts";
import { Input } from "./input.ts";
import { MessageEditor } from "./message-editor.ts";
import { opensTunnel, type AnswerHead } from "./message-head.ts";
import { AnswerReader, type BodyPiece, type Piece } from "./message-reader.ts";
import { Outbox } from "../outbox.ts";
import { Pause } from "./pause.ts";

/**
 * Reads the answers of a connection in order of their requests. An exchange that ends without the callee has its turn like
 * any other; what the callee answers to those behind it is not read before.
 *
 *   the callee ─→ input ─→ reader ─┬─→ delay ─→ editor ─→ the caller
 *                 made here ───────┤
 *                                  └─→ lost
 */
export class AnswerSide implements SessionStage {
  readonly #conversation: Conversation;
  readonly #outlet: SessionOutlet;
  readonly #input = new Input();
  readonly #reader = new AnswerReader();
  readonly #out: Outbox;
  readonly #pause: Pause;
  /** What is done with the answer that is being read; `undefined`: it is passed on. */
  #way: MessageEditor | Loss | undefined;
  #status = 0;
  #isHung = false;
  #callerHasEnded = false;
  #isReading = false;
  #isPassing = false;
  #isOver = false;

  constructor(conversation: Conversation, outlet: SessionOutlet) {
    this.#conversation = conversation;
    this.#outlet = outlet;
    this.#out = new Outbox((bytes) => outlet.write(bytes));
    this.#pause = new Pause(() => this.pump());
  }

  /** Whether an answer is being lost, or was and the caller still waits for it. */
  get isLosing(): boolean {
    return this.#way !== undefined && "wanted" in this.#way;
  }

  write(chunk: Buffer): void {
    this.#input.push(chunk);
    this.#read();
  }

  end(ending: Ending): void {
    // The callee may close while the caller waits, but a connection that is broken cannot tell when the caller gives up.
    if (this.#isHung && ending !== "fin") return this.#outlet.end(ending);
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
    else if (this.#way !== undefined && !this.#way.wanted.isLive()) return this.#outlet.end("reset");
    this.pump();
  }

  /** Passes on all that it has, unchanged, and reads no more. */
  release(): void {
    this.#pause.drop();
    if (this.#way instanceof MessageEditor) this.#way.release();
    this.#out.add(this.#reader.rest());
    this.#isPassing = true;
    this.#read();
  }

  /** The caller sends no more: who waits for a lost answer has given up. */
  endCaller(): void {
    this.#callerHasEnded = true;
    if (this.#isHung) this.#outlet.end("close");
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (!this.#isOver && !this.#pause.isOn && !this.#isHung && this.#step());
    this.#isReading = false;
    if (!this.#isOver) this.#out.flush();
  }

  /** @returns whether there may be more to do */
  #step(): boolean {
    const { exchanges } = this.#conversation;
    const [exchange] = exchanges;
    if (this.#isPassing) return this.#feed();
    if (exchange === undefined) {
      if (this.#reader.heldBytes === 0 && !this.#input.hasBytes) return this.#feed();
      this.#conversation.onAnswersUnreadable();
      return this.#isPassing;
    }
    const { local } = exchange;
    switch (local?.by) {
      case undefined: {
        const piece = this.#reader.next(exchange.request.method);
        if (piece === undefined) return this.#feed(exchange);
        this.#take(piece, exchange);
        return true;
      }
      case "nothing-yet":
        return false;
      case "answer": {
        const piece = local.pieces.shift();
        if (piece?.kind === "head") local.stop.taken.affect(`answered ${piece.head.status}`);
        if (piece !== undefined) this.#take(piece, exchange);
        return true;
      }
      case "reset":
        local.stop.taken.affect("reset the connection before the call");
        this.#endAll("reset");
        return false;
      case "close":
        this.#endAll("close");
        return false;
    }
  }

  /** @returns whether there was anything */
  #feed(exchange?: Exchange): boolean {
    const item = this.#input.shift();
    if (item === undefined) return false;
    if (typeof item === "string") this.#end(item, exchange);
    else if (this.#isPassing) this.#out.add(item);
    else this.#reader.feed(item);
    return true;
  }

  #take(piece: Piece<AnswerHead>, exchange: Exchange): void {
    switch (piece.kind) {
      case "head":
        return this.#begin(piece.head, exchange);
      case "data":
      case "framing":
        return this.#delayBody(piece, exchange);
      case "end":
        return this.#finish(exchange);
      case "unreadable":
        return this.#conversation.onAnswersUnreadable();
    }
  }

  #begin(head: AnswerHead, exchange: Exchange): void {
    const { wanted, local } = exchange;
    const [lose] = local ? [] : live(wanted, "lose");
    this.#status = head.status;
    if (head.framing.by === "next-head") {
      // Without 100 Continue the callee never gets the rest of the request.
      if (lose === undefined || head.status === 100) this.#out.add(head.bytes);
      return;
    }
    if (wanted.length === 0) return this.#out.add(head.bytes);
    if (lose !== undefined) {
      this.#way = { wanted: lose, sizeBytes: head.bytes.length };
      return;
    }
    const delays = live(wanted, "delay").filter(({ step }) => step.before === "answer");
    this.#pause.wait(delays, "the answer", head.bytes.length, () => this.#answer(head, wanted));
  }

  #answer(head: AnswerHead, wanted: readonly Wanted[]): void {
    const abort = live(wanted, "abort").find(({ step }) => step.when === "after-head");
    const editor = new MessageEditor({
      stream: "downstream",
      // Of an answer that ends with its head nothing else is changed.
      wanted: abort ? wanted.filter(({ step }) => step.act === "header") : wanted,
      write: (bytes) => this.#out.add(bytes),
      cut: () => this.#endAll("close"),
    });
    this.#way = editor;
    editor.head(head);
    if (abort === undefined) return;
    abort.taken.affect("reset the connection after the answer's head");
    this.#endAll("reset");
  }

  #delayBody(piece: BodyPiece, { wanted }: Exchange): void {
    if (this.#way === undefined) return this.#out.add(piece.bytes);
    if (!(this.#way instanceof MessageEditor)) {
      this.#way.sizeBytes += piece.bytes.length;
      return;
    }
    const way = this.#way;
    const delays =
      piece.kind === "data" ? live(wanted, "delay").filter(({ step }) => step.before === "piece") : [];
    this.#pause.wait(delays, "the answer's body", piece.bytes.length, () => way.body(piece));
  }

  #finish(exchange: Exchange): void {
    const way = this.#way;
    if (way instanceof MessageEditor) way.end();
    else if (way !== undefined) return this.#lose(way);
    if (this.#isOver) return;
    this.#way = undefined;
    this.#conversation.exchanges.shift();
    exchange.isAnswered = true;
    if (exchange.local?.by === "answer" && exchange.local.closes) return this.#endAll("close");
    if (opensTunnel(exchange.request.method, this.#status)) this.#conversation.onTunnel();
    else this.#conversation.onAnswered(exchange);
  }

  #lose({ wanted: { step, taken }, sizeBytes }: Loss): void {
    taken.affect(`lost the answer ${this.#status}`, sizeBytes);
    if (step.then !== "hang") return this.#endAll(step.then);
    this.#isHung = true;
    if (this.#callerHasEnded) this.#endAll("close");
  }

  #end(ending: Ending, exchange: Exchange | undefined): void {
    const isWhole = this.#reader.finish();
    if (exchange !== undefined && (isWhole || this.isLosing)) this.#finish(exchange);
    if (this.#isOver || this.#isHung) return;
    if (this.#way instanceof MessageEditor) this.#way.release();
    this.#out.add(this.#reader.rest());
    this.#endAll(ending);
  }

  #endAll(ending: Ending): void {
    this.#out.flush();
    if (!this.#isOver) this.#outlet.end(ending);
  }
}

/** An answer that is lost, so far. */
interface Loss {
  readonly wanted: Wanted<Extract<HttpStep, { readonly act: "lose" }>>;
  sizeBytes: number;
}
