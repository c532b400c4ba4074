import { systemClock } from "../../base/clock.ts";
import { preciseTimer, type Alarm } from "../precise-timer.ts";
import type { SessionOutlet } from "../session.ts";
import type { Ending } from "../toxics/toxic-kind.ts";
import { frontendTypes, headBytes, MessageReader, type MessagePart } from "./message-reader.ts";
import { Outbox } from "../outbox.ts";
import type { PreparedStatements } from "./prepared-statements.ts";
import type { StatementFaults, StatementHit } from "./statement-fault.ts";
import { keptTextBytes, type Statement } from "./statement.ts";
import { StartupReader, type Startup } from "./startup-reader.ts";
import { isFatal, type FailingHit, type StatementForm, type Substitutes } from "./substitutes.ts";

export interface StatementReaderOptions {
  readonly outlet: SessionOutlet;
  readonly faults: StatementFaults;
  readonly substitutes: Substitutes;
  readonly prepared: PreparedStatements;
  /** Whether it sees the connection from its first byte. */
  readonly isFromStart: boolean;
  /** The client asks for encryption. */
  readonly onNegotiation: () => void;
  /** What comes cannot be read, or there is nothing more to read; all that was held has been passed on. */
  readonly onEnd: (why: "unreadable" | "cancel") => void;
}

/** What may wait behind a delayed statement before the source pauses, in bytes. */
const capacityBytes = 64 * 1_024;

/** How much of a message is gathered: as much as names or texts need. The others go through unread. */
const gatheredBytes: Readonly<Record<string, number>> = {
  Q: headBytes + keptTextBytes,
  P: headBytes + keptTextBytes,
  B: 2_048,
  C: 1_024,
  E: 1_024,
};

/** The begin of a message that is being gathered. */
interface Gathering {
  readonly chunks: Buffer[];
  sizeBytes: number;
  /** Statements are kept back until their faults have decided. */
  readonly isKeptBack: boolean;
}

/** A statement that has been offered to the faults and has not gone on yet. */
interface HeldStatement {
  readonly form: StatementForm;
  readonly statement: Statement | undefined;
  /** Its message, as far as it has come. */
  readonly bytes: Buffer;
  readonly isWhole: boolean;
  readonly sizeBytes: number;
  readonly hits: readonly StatementHit[];
  /** Epoch milliseconds. */
  readonly sinceMs: number;
}

/**
 * Reads what the client sends, offers each statement to the faults and does what they want.
 *
 *   chunks ─→ queue ─→ start-up packet, then messages ─→ statement: offered ─→ held while delayed ─→ sent, or a substitute
 *
 * While a statement is held the queue grows behind it, until the source pauses.
 */
export class StatementReader {
  readonly #options: StatementReaderOptions;
  readonly #outbox: Outbox;
  #startup = new StartupReader();
  readonly #messages = new MessageReader(frontendTypes);
  #phase: "startup" | "negotiation" | "messages" | "over";
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #ending: Ending | undefined;
  /** The begun head of a message. */
  #begun: Buffer = noBytes;
  #gathering: Gathering | undefined;
  /** What is left of the message belongs to a statement that does not run. */
  #isSwallowing = false;
  #held: HeldStatement | undefined;
  #alarm: Alarm | undefined;
  /** The connection is to close with the answer to what has been sent: nothing that follows may run before. */
  #isFatal = false;
  /** Nothing goes on before that answer. */
  #isAwaitingEnd = false;

  constructor(options: StatementReaderOptions) {
    this.#options = options;
    this.#outbox = new Outbox((bytes) => options.outlet.write(bytes));
    this.#phase = options.isFromStart ? "startup" : "messages";
  }

  write(chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#drain();
  }

  end(ending: Ending): void {
    if (this.#phase === "over") return this.#options.outlet.end(ending);
    this.#ending = ending;
    this.#drain();
  }

  isFull(): boolean {
    return this.#isWaiting && this.#queuedBytes >= capacityBytes;
  }

  /** Whether it can stop between any two bytes: what it has of a statement can still go on as it came. */
  get isIdle(): boolean {
    return !this.#isWaiting && !this.#isSwallowing;
  }

  /** The server wants no encryption: the client begins again. */
  restart(): void {
    this.#phase = "startup";
    this.#startup = new StartupReader();
  }

  /** Time has passed, or the faults have changed: lets go of the statement if nothing holds it any more. */
  reconsider(): void {
    this.#alarm?.cancel();
    const held = this.#held;
    if (!held) return;
    const dueMs = this.#dueMs(held);
    if (dueMs > systemClock.nowMs()) {
      this.#alarm = preciseTimer.at(dueMs, () => this.reconsider());
      return;
    }
    this.#held = undefined;
    this.#send(held);
    this.#drain();
    this.#options.outlet.settle(); // the queue is shorter, even where nothing was passed on
  }

  /** The server has answered: goes on if that was not the end of the connection after all. */
  resume(): void {
    if (!this.#isAwaitingEnd || this.#options.substitutes.hasFatal) return;
    this.#drain();
    this.#options.outlet.settle();
  }

  /** Passes on all it has, as it came, and reads no more. */
  release(): void {
    this.#alarm?.cancel();
    this.#phase = "over";
    const { outlet } = this.#options;
    if (this.#held) this.#outbox.add(this.#held.bytes);
    this.#held = undefined;
    this.#passGathered();
    for (const chunk of this.#queue) this.#outbox.add(chunk);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#outbox.flush();
    const ending = this.#ending;
    this.#ending = undefined;
    if (ending) outlet.end(ending);
    outlet.settle();
  }

  drop(): void {
    this.#alarm?.cancel();
    this.#phase = "over";
    this.#held = undefined;
    this.#gathering = undefined;
    this.#begun = noBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#ending = undefined;
    this.#outbox.drop();
  }

  get #isWaiting(): boolean {
    return this.#held !== undefined || this.#isAwaitingEnd;
  }

  #drain(): void {
    do {
      while (!this.#isWaiting) {
        const chunk = this.#queue.shift();
        if (chunk === undefined) break;
        this.#queuedBytes -= chunk.length;
        this.#read(chunk);
      }
    } while (this.#stopAwaiting());
    if (!this.#isWaiting && this.#ending) this.release();
    else this.#outbox.flush();
  }

  /** @returns whether it waited for an end of the connection that it need not wait for */
  #stopAwaiting(): boolean {
    if (!this.#isAwaitingEnd) return false;
    if (this.#ending !== undefined && this.#ending !== "fin") {
      // The client is gone: the server need not answer before it hears of that.
      this.#queue = [];
      this.#queuedBytes = 0;
    } else if (this.#options.substitutes.hasFatal) return false;
    else this.#isFatal = false;
    this.#isAwaitingEnd = false;
    return true;
  }

  #read(chunk: Buffer): void {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = noBytes;
    while (rest.length > 0 && !this.#isWaiting) rest = this.#step(rest);
    if (rest.length === 0) return;
    this.#queue.unshift(rest);
    this.#queuedBytes += rest.length;
  }

  /** @returns what is left of the bytes */
  #step(bytes: Buffer): Buffer {
    switch (this.#phase) {
      case "startup": {
        const { sizeBytes, startup } = this.#startup.next(bytes);
        this.#outbox.add(bytes.subarray(0, sizeBytes));
        if (startup) this.#begin(startup);
        return bytes.subarray(sizeBytes);
      }
      case "messages": {
        const part = this.#messages.next(bytes);
        if (part === "incomplete") {
          this.#begun = bytes;
          return noBytes;
        }
        if (part === "malformed") return this.#finish("unreadable", bytes);
        this.#take(part);
        return bytes.subarray(part.bytes.length);
      }
      case "negotiation": // a client waits for the answer, so this is none
        return this.#finish("unreadable", bytes);
      case "over":
        this.#outbox.add(bytes);
        return noBytes;
    }
  }

  #begin(startup: Startup): void {
    switch (startup) {
      case "messages":
        this.#phase = "messages";
        this.#options.substitutes.ask(); // the server says that it is ready once the client has shown who it is
        return;
      case "negotiation":
        this.#phase = "negotiation";
        this.#options.onNegotiation();
        return;
      case "cancel":
      case "unreadable":
        this.#finish(startup, noBytes);
        return;
    }
  }

  #finish(why: "unreadable" | "cancel", bytes: Buffer): Buffer {
    this.#outbox.add(bytes);
    this.#phase = "over";
    this.#outbox.flush();
    this.#options.onEnd(why);
    return noBytes;
  }

  #take(part: MessagePart): void {
    if (part.isFirst) this.#meet(part);
    const gathering = this.#gathering;
    if (gathering) {
      gathering.chunks.push(part.bytes);
      gathering.sizeBytes += part.bytes.length;
    }
    if (!this.#isSwallowing && !gathering?.isKeptBack) this.#outbox.add(part.bytes);
    const isEnough = gathering && gathering.sizeBytes >= (gatheredBytes[part.type] ?? 0);
    if (gathering && (part.isLast || isEnough)) {
      this.#gathering = undefined;
      this.#understand(part, Buffer.concat(gathering.chunks));
    }
    if (!part.isLast) return;
    this.#isSwallowing = false;
    // The server discards the rest of a batch by itself, and needs its Sync where an earlier error was first.
    if (this.#isFatal && (part.type === "Q" || part.type === "S")) this.#isAwaitingEnd = true;
  }

  /** A message begins. */
  #meet({ type }: MessagePart): void {
    if (type in gatheredBytes)
      this.#gathering = { chunks: [], sizeBytes: 0, isKeptBack: type === "Q" || type === "E" };
    // Sync and FunctionCall: the server will say that it is ready.
    if (type === "S" || type === "F") this.#options.substitutes.ask();
  }

  #understand(part: MessagePart, bytes: Buffer): void {
    const { prepared } = this.#options;
    switch (part.type) {
      case "P":
        return prepared.parse(bytes);
      case "B":
        return prepared.bind(bytes);
      case "C":
        return prepared.close(bytes);
      case "E":
        return this.#hold("extended", prepared.execute(bytes), part, bytes);
      case "Q":
        return this.#hold("simple", prepared.query(bytes), part, bytes);
    }
  }

  /** Offers a statement to the faults, and holds it as long as they want. */
  #hold(form: StatementForm, statement: Statement | undefined, part: MessagePart, bytes: Buffer): void {
    const { sizeBytes, isLast: isWhole } = part;
    const hits = this.#options.faults.offer(statement);
    for (const { plan, call } of hits) {
      if (plan.act === "delay" && plan.delayMs > 0)
        call.affect(`delayed the statement by ${Math.round(plan.delayMs * 1_000) / 1_000} ms`, sizeBytes);
    }
    const held = { form, statement, bytes, isWhole, sizeBytes, hits, sinceMs: systemClock.nowMs() };
    if (this.#dueMs(held) <= held.sinceMs) {
      this.#send(held);
      return;
    }
    this.#held = held;
    this.reconsider();
  }

  /** When the delays of faults that are still in place are over; epoch milliseconds. */
  #dueMs({ hits, sinceMs }: HeldStatement): number {
    let dueMs = sinceMs;
    for (const hit of hits) {
      if (hit.plan.act === "delay" && this.#options.faults.isInPlace(hit)) dueMs += hit.plan.delayMs;
    }
    return dueMs;
  }

  #send({ form, statement, bytes, isWhole, sizeBytes, hits }: HeldStatement): void {
    const { faults, substitutes } = this.#options;
    const failing = hits.find((hit): hit is FailingHit => hit.plan.act === "fail" && faults.isInPlace(hit));
    if (failing) {
      const endsTransaction = statement?.endsTransaction ?? false;
      this.#outbox.add(substitutes.substitute(failing, { form, endsTransaction, sizeBytes }));
      this.#isSwallowing = !isWhole;
      this.#isFatal = isFatal(failing.plan.error);
      this.#isAwaitingEnd = this.#isFatal && isWhole && form === "simple";
    } else this.#outbox.add(bytes);
    if (form === "simple") substitutes.ask();
  }

  #passGathered(): void {
    if (this.#gathering?.isKeptBack) for (const bytes of this.#gathering.chunks) this.#outbox.add(bytes);
    this.#gathering = undefined;
    this.#outbox.add(this.#begun);
    this.#begun = noBytes;
  }
}

const noBytes = Buffer.alloc(0);
