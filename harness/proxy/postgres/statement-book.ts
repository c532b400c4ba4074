import type { Statement } from "./statement.ts";

/** What is kept of a connection's prepared statements, in characters. */
const keptLength = 1_024 * 1_024;

/** Statements by the name that the client gave them; of too many, the oldest are forgotten. */
export class StatementBook {
  readonly #statements = new Map<string, Statement>();
  #length = 0;

  get(name: string): Statement | undefined {
    return this.#statements.get(name);
  }

  set(name: string, statement: Statement): void {
    this.delete(name);
    this.#statements.set(name, statement);
    this.#length += name.length + statement.text.length;
    for (const oldest of this.#statements.keys()) {
      if (this.#length <= keptLength) return;
      this.delete(oldest);
    }
  }

  delete(name: string): void {
    const statement = this.#statements.get(name);
    if (!statement) return;
    this.#statements.delete(name);
    this.#length -= name.length + statement.text.length;
  }
}
