import { headBytes, readText } from "./message-reader.ts";
import { StatementBook } from "./statement-book.ts";
import { Statement } from "./statement.ts";

/**
 * Which statement an Execute is for, as the client's messages say:
 *
 *   Parse (name, text) ─→ Bind (portal, name) ─→ Execute (portal)
 *
 * Each takes the message from its head on, as far as it is kept.
 */
export class PreparedStatements {
  readonly #statements = new StatementBook();
  #portals = new StatementBook();

  parse(message: Buffer): void {
    const name = readText(message, headBytes);
    if (!name) return;
    const text = readText(message, name.next)?.text ?? message.toString("utf8", name.next);
    this.#statements.set(name.text, new Statement(text, name.text !== unnamed));
  }

  bind(message: Buffer): void {
    const portal = readText(message, headBytes);
    const name = portal && readText(message, portal.next);
    if (!name) return;
    const statement = this.#statements.get(name.text);
    if (statement) this.#portals.set(portal.text, statement);
    else this.#portals.delete(portal.text);
  }

  close(message: Buffer): void {
    const name = readText(message, headBytes + 1);
    if (!name) return;
    const isPortal = message[headBytes] === portalKind;
    (isPortal ? this.#portals : this.#statements).delete(name.text);
  }

  /** @returns `undefined` when the statement was prepared unread, or is forgotten */
  execute(message: Buffer): Statement | undefined {
    const portal = readText(message, headBytes);
    return portal && this.#portals.get(portal.text);
  }

  /** A Query takes the unnamed statement and its portal away. */
  query(message: Buffer): Statement {
    this.#statements.delete(unnamed);
    this.#portals.delete(unnamed);
    return new Statement(readText(message, headBytes)?.text ?? message.toString("utf8", headBytes));
  }

  /** What comes now is not read. A name stays: clients give it to one text only, as long as the connection lives. */
  sleep(): void {
    this.#statements.delete(unnamed);
    this.#portals = new StatementBook();
  }
}

const unnamed = "";
const portalKind = "P".charCodeAt(0);
