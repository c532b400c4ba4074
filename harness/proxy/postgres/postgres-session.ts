import type { Session, SessionContext, SessionStage } from "../session.ts";
import type { CallToxic, Stream } from "../toxic.ts";
import { AnswerReader } from "./answer-reader.ts";
import { areMessages, endsReady, isTls } from "./at-rest.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { StatementFaults } from "./statement-fault.ts";
import { StatementReader } from "./statement-reader.ts";
import { Substitutes } from "./substitutes.ts";

/** What the session reads with, while it reads. */
interface Readers {
  readonly statements: StatementReader;
  readonly answers: AnswerReader;
  readonly substitutes: Substitutes;
}

/**
 * One connection of the frontend/backend protocol of PostgreSQL.
 *
 *   asleep ──fault──▶ unsure ──message of the client after an end of an answer──▶ reading ──no fault, nothing held──▶ asleep
 *     └──fault, no byte carried yet──▶ reading ──encrypted, another protocol, a cancel request──▶ over
 *
 * Whatever it does not read passes untouched.
 */
export class PostgresSession implements Session {
  readonly upstream: SessionStage;
  readonly downstream: SessionStage;
  readonly #context: SessionContext;
  readonly #faults: StatementFaults;
  readonly #prepared = new PreparedStatements();
  #state: "asleep" | "unsure" | "reading" | "over" = "asleep";
  #readers: Readers | undefined;
  #isUnreadable = false;
  #lastCarried: Stream | undefined;
  /** Whether the last bytes of the server may have been the end of an answer. */
  #isReady = true;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#lastCarried = context.lastCarried;
    this.#faults = new StatementFaults(context.connection);
    const { upstream, downstream } = context.outlets;
    this.upstream = {
      write: (chunk) => {
        this.#meetRequest(chunk);
        (this.#readers?.statements ?? upstream).write(chunk);
        this.#sleepIfDone();
      },
      end: (ending) => (this.#readers?.statements ?? upstream).end(ending),
      isFull: () => this.#readers?.statements.isFull() ?? false,
      drop: () => this.#readers?.statements.drop(),
    };
    this.downstream = {
      write: (chunk) => {
        this.#meetAnswer(chunk);
        (this.#readers?.answers ?? downstream).write(chunk);
        this.#readers?.statements.resume();
        this.#sleepIfDone();
      },
      end: (ending) => {
        (this.#readers?.answers ?? downstream).end(ending);
        this.#readers?.substitutes.giveUp();
        this.#readers?.statements.resume();
      },
      isFull: () => false,
      drop: () => this.#readers?.answers.drop(),
    };
  }

  apply(toxics: readonly CallToxic[]): void {
    this.#faults.apply(toxics);
    if (this.#isUnreadable) this.#faults.failToRead();
    this.#readers?.statements.reconsider();
    if (this.#state === "asleep" && !this.#faults.isEmpty) {
      this.#state = "unsure";
      if (this.#lastCarried === undefined) this.#begin(true);
    }
    this.#sleepIfDone();
  }

  #meetRequest(chunk: Buffer): void {
    const followsAnswer = this.#lastCarried === "downstream" && this.#isReady;
    this.#lastCarried = "upstream";
    if (this.#state !== "unsure" || !followsAnswer) return;
    if (isTls(chunk)) this.#giveUp();
    else if (areMessages(chunk)) this.#begin(false);
    else this.#faults.failToRead();
  }

  #meetAnswer(chunk: Buffer): void {
    this.#lastCarried = "downstream";
    this.#isReady = endsReady(chunk);
    if (this.#state === "unsure" && isTls(chunk)) this.#giveUp();
  }

  #begin(isFromStart: boolean): void {
    const { outlets } = this.#context;
    const substitutes = new Substitutes();
    const answers = new AnswerReader({
      outlet: outlets.downstream,
      substitutes,
      onClear: () => statements.restart(),
      onUnreadable: () => this.#lose(isFromStart),
    });
    const statements = new StatementReader({
      outlet: outlets.upstream,
      faults: this.#faults,
      substitutes,
      prepared: this.#prepared,
      isFromStart,
      onNegotiation: () => answers.negotiate(),
      onEnd: (why) => {
        if (why === "unreadable") return this.#lose(isFromStart);
        this.#state = "over";
        this.#stopReading();
      },
    });
    this.#state = "reading";
    this.#readers = { statements, answers, substitutes };
  }

  /** What was read makes no sense. If it began in the middle it may have begun at the wrong place, and begins again. */
  #lose(isFromStart: boolean): void {
    if (isFromStart) return this.#giveUp();
    this.#state = "unsure";
    this.#faults.failToRead();
    this.#stopReading();
  }

  #giveUp(): void {
    this.#state = "over";
    this.#isUnreadable = true;
    this.#faults.failToRead();
    this.#stopReading();
  }

  #stopReading(): void {
    const readers = this.#readers;
    this.#readers = undefined;
    readers?.statements.release();
    readers?.answers.release();
  }

  /** Stops reading once no fault is left and nothing is under way of what one did. */
  #sleepIfDone(): void {
    if (!this.#faults.isEmpty || this.#state === "over") return;
    if (this.#readers && !(this.#readers.statements.isIdle && this.#readers.substitutes.isEmpty)) return;
    this.#state = "asleep";
    this.#prepared.sleep();
    this.#stopReading();
  }
}
