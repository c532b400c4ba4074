import type { Call } from "../call-fault.ts";

/** How much of a statement's text is kept, in bytes. */
export const keptTextBytes = 64 * 1_024;

/** The text of a statement, as far as it is kept. */
export class Statement {
  readonly text: string;
  /** Prepared to be executed again and again. */
  readonly isNamed: boolean;
  #plain: string | undefined;

  constructor(text: string, isNamed = false) {
    this.text = text;
    this.isNamed = isNamed;
  }

  /** In lower case, each run of white space one space. */
  get plain(): string {
    return (this.#plain ??= plainText(this.text));
  }

  /** Its first words, up to the first that might be a value: "insert into orders". */
  get firstWords(): string {
    const words: string[] = [];
    for (const word of withoutComments(this.text.slice(0, 1_000)).trim().split(/\s+/)) {
      const name = /^([\p{L}_][\p{L}\p{N}_.]*)([,;]?)$/u.exec(word)?.[1];
      if (name === undefined && word !== "*") break;
      words.push(name ?? word);
      if (words.length === 4 || (name !== undefined && name !== word)) break;
    }
    return words.length === 0 ? "statement" : words.join(" ").toLowerCase();
  }

  /**
   * From the comment that sqlcommenter adds: traceparent='00-<trace id>-<span id>-01'. A named statement has none: its
   * text is of the first execution.
   */
  get traceId(): string | undefined {
    if (this.isNamed) return undefined;
    return /\/\*[^*]*\btraceparent='[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}'/.exec(this.text)?.[1];
  }

  /** Whether it ends a transaction and is nothing more. */
  get endsTransaction(): boolean {
    if (this.text.length > 1_000) return false;
    return transactionEnd.test(plainText(withoutComments(this.text)).trim());
  }
}

const transactionEnd = /^(commit|end|rollback|abort)( work| transaction)?( and (no )?chain)? ?;?$/;

/** A statement that is to be executed. */
export class StatementCall implements Call {
  readonly label: string;
  /** `undefined` when it was prepared before anybody read this connection. */
  readonly statement: Statement | undefined;

  constructor(label: string, statement: Statement | undefined) {
    this.label = label;
    this.statement = statement;
  }

  get traceId(): string | undefined {
    return this.statement?.traceId;
  }
}

/** In lower case, each run of white space one space. */
export function plainText(text: string): string {
  return text.toLowerCase().replace(/\s+/g, " ");
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\/|--[^\n]*/g, " ");
}
