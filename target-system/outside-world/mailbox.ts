import type { Readable } from "node:stream";
import PostalMime from "postal-mime";

/**
 * One mail as its receiver sees it. A mail that comes again (its sender did not hear that it was accepted) is recognised by
 * its Message-ID and put away once, as the large providers do; SMTP itself asks no server to, and many do not.
 */
export interface Mail {
  readonly messageId: string;
  readonly to: string;
  /** The kind of mail, from header X-Template; without one, the title. */
  readonly subject: string;
  /** The subject that a person reads. */
  readonly title: string;
  readonly text: string;
  /** From header X-Order-Id. */
  readonly orderId: string | null;
  /** How often it was handed in; its reader sees it once. */
  readonly deliveries: number;
}

/** The mails of everybody: each recipient has a mailbox of their own. Lives as long as the process. */
export class Mailbox {
  readonly #mails = new Map<string, Mail>();

  receive(mail: Omit<Mail, "deliveries">): void {
    const key = JSON.stringify([mail.to, mail.messageId]);
    const first = this.#mails.get(key) ?? { ...mail, deliveries: 0 };
    this.#mails.set(key, { ...first, deliveries: first.deliveries + 1 });
  }

  mails(): readonly Mail[] {
    return [...this.#mails.values()];
  }
}

/** What a message says, whoever it is for; no `messageId` when it has none. */
export type Letter = Omit<Mail, "to" | "deliveries" | "messageId"> & {
  readonly messageId: string | undefined;
};

/**
 * Reads a message as it comes over the wire, to its end.
 * @throws the stream's error, when the sender goes away in the middle of the message
 */
export async function readLetter(message: Readable): Promise<Letter> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const {
    headers,
    messageId,
    subject: title = "",
    text = "",
  } = await PostalMime.parse(Buffer.concat(chunks));
  const header = (name: string): string | undefined => headers.find(({ key }) => key === name)?.value;
  return {
    messageId,
    subject: header("x-template") ?? title,
    title,
    text,
    orderId: header("x-order-id") ?? null,
  };
}
