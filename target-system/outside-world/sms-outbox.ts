import { randomUUID } from "node:crypto";

/** What a sender asks for. `reference` and `tag` are the sender's own: handed in with a message, and shown with it. */
export interface SmsRequest {
  readonly to: string;
  readonly text: string;
  readonly reference?: string;
  readonly tag?: string;
}

/** One message as it went to a phone. */
export interface Sms {
  readonly messageId: string;
  readonly to: string;
  readonly text: string;
  /** The sender's tag. */
  readonly subject: string | null;
  /** The sender's reference. */
  readonly orderId: string | null;
  /** How often it was handed in under its key; the phone got it once. */
  readonly deliveries: number;
}

/** A request that is never taken; `code` is what the sender is told. */
export class SmsRefusal extends Error {
  override readonly name = "SmsRefusal";
  readonly code: "invalid-number" | "key-reused";

  constructor(code: SmsRefusal["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** E.164: the country first, 15 digits at most. */
const phoneNumber = /^\+[1-9]\d{6,14}$/;

/** What an SMS provider sent. Lives as long as the process. */
export class SmsOutbox {
  readonly #messages = new Map<string, { readonly asked: string; readonly sms: Sms }>();

  /**
   * @param key the sender's idempotency key: a repeat is answered with the first message, and no phone gets it twice.
   * Without one each request is a message.
   * @throws {SmsRefusal} the number is none, or the key was used for another message
   */
  send(request: SmsRequest, key: string = randomUUID()): Sms {
    const { to, text, reference = null, tag = null } = request;
    if (!phoneNumber.test(to))
      throw new SmsRefusal("invalid-number", "expected a number with its country, such as +4930123456");
    const asked = JSON.stringify([to, text, reference, tag]);
    const known = this.#messages.get(key);
    if (known !== undefined && known.asked !== asked)
      throw new SmsRefusal("key-reused", "this idempotency key was used for another message");
    const first = known?.sms ?? {
      messageId: randomUUID(),
      to,
      text,
      subject: tag,
      orderId: reference,
      deliveries: 0,
    };
    const sms = { ...first, deliveries: first.deliveries + 1 };
    this.#messages.set(key, { asked, sms });
    return sms;
  }

  messages(): readonly Sms[] {
    return [...this.#messages.values()].map(({ sms }) => sms);
  }
}
