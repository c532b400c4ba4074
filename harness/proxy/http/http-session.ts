import type { SelectionAttributes } from "../call-fault.ts";
import type { Session, SessionContext, SessionStage } from "../session.ts";
import type { CallToxic, Stream } from "../toxic.ts";
import type { Attributes, Ending } from "../toxics/toxic-kind.ts";
import { AnswerSide } from "./answer-side.ts";
import type { Conversation, Exchange } from "./exchange.ts";
import { HttpCall } from "./http-call.ts";
import { isHttpFault, type HttpFaultKind, type Wanted } from "./http-fault.ts";
import { routeOf } from "./http-match.ts";
import { beginsRequest, type RequestHead } from "./message-head.ts";
import { RequestCopies } from "./request-copies.ts";
import { longestPipeline, RequestSide } from "./request-side.ts";

/** A fault in place, as it was when it was put there or last changed. */
interface Place {
  readonly toxic: CallToxic;
  readonly kind: HttpFaultKind;
  readonly attributes: Attributes;
}

const nothing: readonly Wanted[] = [];

/**
 * The session of HTTP/1.x on one connection.
 *
 *   asleep ──a fault comes──→ waiting ──a request that follows an answer──→ reading ──no faults, nothing acted on──→ asleep
 *                                                                              │
 *                                                             passing ←── not HTTP/1.x, or an upgrade
 *
 * Bytes are read in `reading` alone; in the other states they pass untouched.
 */
export class HttpSession implements Session, Conversation {
  readonly upstream: SessionStage;
  readonly downstream: SessionStage;
  readonly copies: RequestCopies;
  readonly exchanges: Exchange[] = [];
  readonly #context: SessionContext;
  #state: "asleep" | "waiting" | "reading" | "passing" = "asleep";
  #places: readonly Place[] = [];
  #requests: RequestSide;
  #answers: AnswerSide;
  #lastCarried: Stream | undefined;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#lastCarried = context.lastCarried;
    this.copies = new RequestCopies(
      () => context.dial(),
      () => this.#requests.pump(),
    );
    this.#requests = new RequestSide(this, context.outlets.upstream);
    this.#answers = new AnswerSide(this, context.outlets.downstream);
    this.upstream = this.#stage("upstream", () => this.#requests);
    this.downstream = this.#stage("downstream", () => this.#answers);
  }

  apply(toxics: readonly CallToxic[]): void {
    this.#places = toxics.flatMap((toxic) =>
      isHttpFault(toxic.kind) ? [{ toxic, kind: toxic.kind, attributes: toxic.attributes }] : [],
    );
    if (this.#state === "asleep" && this.#places.length > 0)
      this.#state = this.#lastCarried === undefined ? this.#startReading() : "waiting";
    else if (this.#state === "waiting" && this.#places.length === 0) this.#state = "asleep";
    else if (this.#state === "passing") this.#failToRead();
    else if (this.#state === "reading") this.#review();
  }

  begin(head: RequestHead): Exchange {
    const exchange: Exchange = {
      request: head,
      wanted: this.#places.length === 0 ? nothing : this.#offer(head),
      local: undefined,
      copy: undefined,
      isRequestOver: false,
      isAnswered: false,
    };
    this.exchanges.push(exchange);
    return exchange;
  }

  onLocalEnd(): void {
    this.#answers.pump();
  }

  onRequestOver(exchange: Exchange): void {
    this.#deliverCopy(exchange);
  }

  onAnswered(exchange: Exchange): void {
    // An answer that was made here never passed the stage: the caller has been answered all the same.
    if (exchange.local && this.exchanges.length === 0) this.#lastCarried = "downstream";
    this.#deliverCopy(exchange);
    if (exchange.local || exchange.wanted.length > 0) this.#sleepAtRest();
    if (this.exchanges.length === longestPipeline - 1) this.#requests.pump(); // it waited for this
  }

  onRequestsUnreadable(): void {
    this.#failToRead();
    if (this.exchanges.length === 0) this.#pass();
  }

  onAnswersUnreadable(): void {
    if (!this.#requests.isUnreadable) this.#failToRead();
    // Whoever waits for an answer that is made here, or is lost, cannot be given it among bytes nobody understands.
    if (this.#isActing()) this.#context.outlets.downstream.end("reset");
    else this.#pass();
  }

  onTunnel(): void {
    this.#failToRead();
    this.#pass();
  }

  #stage(stream: Stream, side: () => SessionStage): SessionStage {
    const outlet = this.#context.outlets[stream];
    return {
      write: (chunk) => {
        if (this.#state === "waiting" && stream === "upstream" && this.#lastCarried === "downstream")
          if (beginsRequest(chunk)) this.#state = this.#startReading();
        this.#lastCarried = stream;
        if (this.#state === "reading") side().write(chunk);
        else outlet.write(chunk);
      },
      end: (ending: Ending) => {
        if (this.#state !== "reading") return outlet.end(ending);
        side().end(ending);
        if (stream === "upstream") this.#answers.endCaller();
      },
      isFull: () => this.#state === "reading" && side().isFull(),
      drop: () => side().drop(),
    };
  }

  #startReading() {
    const { upstream, downstream } = this.#context.outlets;
    this.#requests = new RequestSide(this, upstream);
    this.#answers = new AnswerSide(this, downstream);
    return "reading" as const;
  }

  #offer(head: RequestHead): readonly Wanted[] {
    let wanted = nothing;
    for (const place of this.#places) {
      const { toxic, kind, attributes } = place;
      const { parsed, route } = understand(kind, attributes);
      const taken = toxic.selection.offer(new HttpCall(head, route), this.#context.connection);
      if (taken === undefined) continue;
      const step = kind.plan(parsed, {
        stream: toxic.stream,
        takenBefore: toxic.fault.drawn.requests - 1,
        random: taken.random,
        fault: toxic.fault,
      });
      if (step === undefined) continue;
      const isLive = (): boolean =>
        this.#places.some((now) => now.toxic === toxic && now.attributes === attributes);
      wanted = [...wanted, { step, taken, isLive }];
    }
    return wanted;
  }

  #deliverCopy(exchange: Exchange): void {
    const { copy, isRequestOver, isAnswered } = exchange;
    if (copy === undefined || !isRequestOver || !isAnswered) return;
    exchange.copy = undefined;
    this.copies.deliver(copy);
  }

  #review(): void {
    this.copies.review();
    this.#requests.review();
    this.#answers.review();
    this.#sleepAtRest();
  }

  #isActing(): boolean {
    return (
      this.#requests.isSwallowing ||
      this.#answers.isLosing ||
      this.exchanges.some(({ local }) => local !== undefined)
    );
  }

  #sleepAtRest(): void {
    if (this.#state !== "reading" || this.#places.length > 0 || this.#isActing()) return;
    this.#state = "asleep";
    this.#release();
  }

  /** From here on bytes pass unread for ever. */
  #pass(): void {
    this.#state = "passing";
    this.#release();
  }

  #release(): void {
    for (const { copy } of this.exchanges.splice(0)) if (copy) this.copies.forget(copy);
    this.#requests.release();
    this.#answers.release();
  }

  #failToRead(): void {
    for (const { toxic } of this.#places) toxic.fault.failToRead(this.#context.connection);
  }
}

/** Attributes are read once, not for each connection and call. */
const understood = new WeakMap<Attributes, { parsed: SelectionAttributes; route: string | undefined }>();

function understand(kind: HttpFaultKind, attributes: Attributes) {
  const known = understood.get(attributes);
  if (known) return known;
  const parsed = kind.attributes.parse(attributes);
  const read = { parsed, route: routeOf(parsed.match) };
  understood.set(attributes, read);
  return read;
}
