import type { Readable } from "node:stream";

/** One mail as its receiver sees it: a repeat is recognised by its Message-ID, as large providers do. */
export interface Mail {
  readonly messageId: string;
  readonly to: string;
  /** The kind of mail, from header X-Template; the subject a human reads may differ. */
  readonly subject: string;
  readonly orderId: string | null;
  /** How often it was handed in. */
  readonly deliveries: number;
}

export class Mailbox {
  readonly #mails = new Map<string, Mail>();

  receive(mail: Omit<Mail, "deliveries">): void {
    const deliveries = (this.#mails.get(mail.messageId)?.deliveries ?? 0) + 1;
    this.#mails.set(mail.messageId, { ...mail, deliveries });
  }

  mails(): readonly Mail[] {
    return [...this.#mails.values()];
  }
}

/**
 * The headers of a message as it comes over the wire, names in lower case, folded lines joined. Reads to the end.
 * @throws the stream's error, when the sender goes away in the middle of the message
 */
export async function readHeaders(message: Readable): Promise<ReadonlyMap<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const [head = ""] = Buffer.concat(chunks)
    .toString("utf8")
    .split(/\r?\n\r?\n/, 1);
  const lines = head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  return new Map(
    lines.flatMap((line) => {
      const match = /^([^:\s]+):\s*(.*)$/.exec(line);
      return match?.[1] === undefined || match[2] === undefined ? [] : [[match[1].toLowerCase(), match[2]]];
    }),
  );
}
