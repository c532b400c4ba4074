import type { Contact } from "./contacts.ts";
import type { OutgoingMail } from "./mailer.ts";
import type { Message } from "./messages.ts";

/** What users are told, and by which id a repeat of it is recognised. */

export function mailOf({ eventId, orderId, totalCents }: Message, { email, name }: Contact): OutgoingMail {
  return {
    messageId: `<${eventId}@shop.example>`,
    to: email,
    subject: "Your order is confirmed",
    text: `Dear ${name},\n\nthank you: your order ${orderId} over ${euros(totalCents)} is confirmed.\n`,
    headers: { "X-Order-Id": orderId, "X-Template": "order-confirmed" },
  };
}

export function smsOf({ eventId, orderId, totalCents }: Message, phone: string): object {
  return {
    to: phone,
    text: `Your order ${orderId.slice(0, 8)} over ${euros(totalCents)} is confirmed.`,
    reference: eventId,
  };
}

function euros(cents: number): string {
  return `EUR ${(cents / 100).toFixed(2)}`;
}
