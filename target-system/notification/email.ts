import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import type { Contacts } from "./contacts.ts";
import { letterOf } from "./letter.ts";
import { MailFailed, type Mailer } from "./mailer.ts";
import type { Send } from "./message.ts";
import { templateName } from "./templates/templates.ts";

/**
 * Sends by SMTP. A mail is handed over when the server has answered 250 to its last byte; if that answer is lost, nobody
 * can tell whether it was, and it is sent again (RFC 5321, 4.5.3.2.6; RFC 1047). So SMTP promises "at least once". What
 * makes it one for the reader is the Message-ID, the same in each try, where the receiver's server recognises it.
 */
export function emailSender(
  mailer: Mailer,
  contacts: Contacts,
  idempotency: Pick<Idempotency, "keyOf">,
): Send {
  return async (message) => {
    const addressee = await contacts.addressee(message, "email");
    if (addressee.kind !== "reachable") return addressee;
    try {
      await mailer.send({
        messageId: `<${idempotency.keyOf(message.eventId)}@shop.example>`,
        to: addressee.address,
        ...letterOf(message, addressee.name),
        headers: { "X-Order-Id": message.orderId, "X-Template": templateName(message.type) },
      });
      return { kind: "sent" };
    } catch (error) {
      if (!(error instanceof MailFailed)) throw error;
      if (!error.isPermanent) return { kind: "failed", why: `smtp: ${error.reason}` };
      contacts.forget(message.userId);
      return { kind: "refused", why: `smtp: ${error.reason}` };
    }
  };
}
