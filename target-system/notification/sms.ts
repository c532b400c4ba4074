import { CallFailed, type Callee } from "../service-kit/callee.ts";
import { wasSent } from "../service-kit/patterns/outcome.ts";
import type { Idempotency } from "../service-kit/patterns/idempotency.ts";
import type { Contacts } from "./contacts.ts";
import type { Message, Outcome, Send } from "./message.ts";
import { templateName, templates } from "./templates/templates.ts";

const deadlineMs = 2_000;

/** Sends by the SMS provider, which knows a repeat by its idempotency key: once, whatever answer is lost. */
export function smsSender(
  provider: Callee,
  contacts: Contacts,
  idempotency: Pick<Idempotency, "keyOf">,
): Send {
  return async (message) => {
    const addressee = await contacts.addressee(message, "sms");
    if (addressee.kind !== "reachable") return addressee;
    try {
      const { status } = await provider.call({
        method: "POST",
        path: "/messages",
        headers: { "idempotency-key": idempotency.keyOf(message.eventId) },
        body: bodyOf(message, addressee.address),
        isIdempotent: true,
        deadlineMs,
      });
      const outcome = outcomeOf(status);
      if (outcome.kind === "refused") contacts.forget(message.userId);
      return outcome;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      const { reason, mayHaveHappened } = error;
      // What a pattern kept back on this side says nothing of the message.
      const kind = wasSent({ kind: "failed", reason, mayHaveHappened }) ? "failed" : "held";
      return { kind, why: `sms: ${reason}` };
    }
  };
}

function bodyOf(message: Message, phone: string): object {
  return {
    // As people write it -> E.164.
    to: phone.replaceAll(/[^+\d]/g, ""),
    text: templates[message.type].sms(message),
    reference: message.orderId,
    tag: templateName(message.type),
  };
}

/** The provider's "no" to what it was given, now and next time. */
const refusals: ReadonlySet<number> = new Set([400, 409, 413, 422]);

function outcomeOf(status: number): Outcome {
  if (status === 201) return { kind: "sent" };
  return { kind: refusals.has(status) ? "refused" : "failed", why: `sms: ${status}` };
}
