import type { Random } from "../../base/random.ts";
import type { CallFaultKind } from "../call-fault.ts";
import type { CallSelection, TakenCall } from "../call-selection.ts";
import type { CallToxic } from "../toxic.ts";
import type { Attributes } from "../toxics/toxic-kind.ts";
import type { PostgresError } from "./postgres-error.ts";
import { patternOf } from "./statement-match.ts";
import { StatementCall, type Statement } from "./statement.ts";

/** What is to be done to a statement. */
export type StatementPlan =
  /** It reaches the server that much later, and what follows on the connection behind it. */
  | { readonly act: "delay"; readonly delayMs: number }
  /** It does not run; the caller gets this error. */
  | { readonly act: "fail"; readonly error: PostgresError };

/** One kind of fault of statements: says what is to be done, the session does it. */
export interface StatementFaultKind extends CallFaultKind {
  /**
   * @param random decided by the call
   * @param index which of the calls that it took, from 0
   */
  plan(attributes: Attributes, random: Random, index: number): StatementPlan;
}

/** A fault that has taken a statement, and what it wants. */
export interface StatementHit<P extends StatementPlan = StatementPlan> {
  readonly plan: P;
  readonly call: TakenCall;
  readonly toxic: CallToxic;
  /** The toxic's when it took the statement; another one since then is another decision. */
  readonly selection: CallSelection;
}

/** The faults of statements that are in place on a connection. */
export class StatementFaults {
  readonly #connection: object;
  #faults: readonly PlacedFault[] = [];

  constructor(connection: object) {
    this.#connection = connection;
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  /** @param toxics in order of creation */
  apply(toxics: readonly CallToxic[]): void {
    this.#faults = toxics.flatMap((toxic) => {
      const { kind, attributes } = toxic;
      if (!isStatementFaultKind(kind)) return [];
      const pattern = attributes["match"] === undefined ? undefined : patternOf(attributes["match"]);
      return [{ toxic, kind, pattern }];
    });
  }

  /** Offers a statement to each fault. */
  offer(statement: Statement | undefined): readonly StatementHit[] {
    return this.#faults.flatMap(({ toxic, kind, pattern }) => {
      const { fault, selection, attributes } = toxic;
      if (statement === undefined && pattern !== undefined) fault.failToRead(this.#connection);
      const label = pattern ?? statement?.firstWords ?? "prepared statement";
      const call = selection.offer(new StatementCall(label, statement), this.#connection);
      if (!call) return [];
      const plan = kind.plan(attributes, call.random, fault.drawn.requests - 1);
      return [{ plan, call, toxic, selection }];
    });
  }

  /** Whether the fault is still there as it was when it took the statement. */
  isInPlace({ toxic, selection }: StatementHit): boolean {
    return toxic.selection === selection && this.#faults.some((fault) => fault.toxic === toxic);
  }

  /** None of them can tell the connection's statements apart. */
  failToRead(): void {
    for (const { toxic } of this.#faults) toxic.fault.failToRead(this.#connection);
  }
}

interface PlacedFault {
  readonly toxic: CallToxic;
  readonly kind: StatementFaultKind;
  readonly pattern: string | undefined;
}

function isStatementFaultKind(kind: CallFaultKind): kind is StatementFaultKind {
  return "plan" in kind;
}
