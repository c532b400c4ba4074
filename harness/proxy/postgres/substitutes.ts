import { message, texts } from "./message-reader.ts";
import type { PostgresError } from "./postgres-error.ts";
import type { StatementHit, StatementPlan } from "./statement-fault.ts";

export type FailingHit = StatementHit<Extract<StatementPlan, { readonly act: "fail" }>>;

/** How a statement is sent: by one Query message, or by the Execute of the extended protocol. */
export type StatementForm = "simple" | "extended";

/** A statement that went to the server in another's place. */
export interface Substitute {
  /** Is in the server's error and in no other. */
  readonly mark: string;
  /** Types of the answers that it has before its error, and that the client did not ask for. */
  readonly hidden: string;
  readonly hit: FailingHit;
  readonly sizeBytes: number;
  /** How many ReadyForQuery come before its own. */
  readonly batch: number;
}

/**
 * Statements that do not run. In the place of each, another goes to the server that surely fails, and the server's error
 * is replaced by the fault's. So it is the server itself that answers what came before, discards what follows up to the
 * next Sync, and aborts its transaction: all is as with a real error.
 *
 *   client ── Query "update …" ──→ proxy ── Query "squall_1_pg_error" ──→ server
 *   client ←─ Error 40001 ──────── proxy ←─ Error 42601 near "squall_1_pg_error"
 *   client ←─ ReadyForQuery 'E' ────────────────────────────────────────  server
 *
 * An error at the end of a transaction ends the transaction, as with PostgreSQL: there the substitute rolls it back
 * before it fails.
 */
export class Substitutes {
  #pending: readonly Substitute[] = [];
  #count = 0;
  #isClosing = false;
  #askedBatches = 0;
  #answeredBatches = 0;

  /** Whether all have been answered. */
  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Whether one is under way, or answered, whose answer closes the connection. */
  get hasFatal(): boolean {
    return this.#isClosing || this.#pending.some(({ hit }) => isFatal(hit.plan.error));
  }

  /** Whether an answer of that type may be one that the client did not ask for, or stand between such. */
  mayHide(type: string): boolean {
    return this.#pending.some(({ hidden }) => hidden !== "" && (type === "N" || hidden.includes(type)));
  }

  /** @returns what is to be sent in the statement's place */
  substitute(
    hit: FailingHit,
    {
      form,
      endsTransaction,
      sizeBytes,
    }: { form: StatementForm; endsTransaction: boolean; sizeBytes: number },
  ): Buffer {
    this.#count += 1;
    const mark = `squall_${this.#count}_pg_error`;
    const { bytes, hidden } = failing(mark, form, endsTransaction && !isFatal(hit.plan.error));
    this.#pending = [...this.#pending, { mark, hidden, hit, sizeBytes, batch: this.#askedBatches }];
    return bytes;
  }

  /** A message has been sent that the server answers with ReadyForQuery. */
  ask(): void {
    this.#askedBatches += 1;
  }

  /** ReadyForQuery has come: a substitute that was discarded behind an earlier error is answered with it. */
  ready(): void {
    this.#answeredBatches = Math.min(this.#answeredBatches + 1, this.#askedBatches);
    this.#pending = this.#pending.filter(({ batch }) => batch >= this.#answeredBatches);
  }

  /** The server will answer nothing more. */
  giveUp(): void {
    this.#pending = [];
  }

  /** The substitute whose error this is; those before it have been answered too. */
  answer(error: Buffer): Substitute | undefined {
    const index = this.#pending.findIndex(({ mark }) => error.includes(mark));
    const found = this.#pending[index];
    this.#pending = this.#pending.slice(index + 1);
    this.#isClosing ||= found !== undefined && isFatal(found.hit.plan.error);
    return found;
  }
}

export function isFatal({ severity }: PostgresError): boolean {
  return severity === "FATAL";
}

function failing(mark: string, form: StatementForm, endsTransaction: boolean) {
  // A syntax error fails in an aborted transaction too; so does a portal that is not there.
  if (form === "simple")
    return endsTransaction
      ? { bytes: message("Q", texts(`rollback; execute ${mark}`)), hidden: "C" }
      : { bytes: message("Q", texts(mark)), hidden: "" };
  const execute = message("E", Buffer.concat([texts(mark), Buffer.alloc(4)]));
  if (!endsTransaction) return { bytes: execute, hidden: "" };
  const name = `${mark}_rollback`;
  const rollback = Buffer.concat([
    message("P", Buffer.concat([texts(name, "rollback"), Buffer.alloc(2)])),
    message("B", Buffer.concat([texts(name, name), Buffer.alloc(6)])),
    message("E", Buffer.concat([texts(name), Buffer.alloc(4)])),
    message("C", texts(`S${name}`)),
  ]);
  return { bytes: Buffer.concat([rollback, execute]), hidden: "12C3" };
}
