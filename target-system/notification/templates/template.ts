import type { Message } from "../message.ts";

/**
 * What users are told of one kind of change, in plain text: a letter makes text and HTML of it, so that nothing that a
 * user wrote becomes markup.
 */
export interface Template {
  readonly subject: (order: ToldOrder) => string;
  /** One each; the items are listed after them. */
  readonly paragraphs: (order: ToldOrder) => readonly string[];
  /** One SMS: at most 160 characters, of those that GSM 03.38 has. */
  readonly sms: (order: ToldOrder) => string;
}

export type ToldOrder = Pick<Message, "orderId" | "totalCents" | "items" | "reason">;
