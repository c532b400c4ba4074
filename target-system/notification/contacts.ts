import { z } from "zod";
import { CallFailed, type Callee } from "../service-kit/callee.ts";
import type { Channel, Message, Outcome } from "./message.ts";

const contactSchema = z.object({
  email: z.string(),
  phone: z.string().nullable(),
  name: z.string(),
  channels: z.array(z.string()),
});

/** How a user is reached. Personal: never logged, never in a span. */
type Contact = z.output<typeof contactSchema>;

const unknownUserSchema = z.object({ error: z.literal("user-not-found") });

/** Where a user wants to be told, or what becomes of the message without that. */
export type Addressee =
  | { readonly kind: "reachable"; readonly address: string; readonly name: string }
  | Extract<Outcome, { kind: "skipped" | "held" }>;

const firstClaim = "1";
const keptMs = 10_000;
const keptAtMost = 1_000;

/**
 * Users' contacts, asked of the user service and kept for a few seconds: one event asks once for all its channels. A message
 * that is tried again asks anew: what was known may be why it failed, and may have been mended since.
 */
export class Contacts {
  readonly #user: Callee;
  readonly #kept = new Map<
    string,
    { readonly contact: Promise<Contact | undefined>; readonly untilMs: number }
  >();

  constructor(user: Callee) {
    this.#user = user;
  }

  /** Nobody can be told who is gone; while the user service cannot say, that is not known, and the message has to wait. */
  async addressee(
    { userId, claim }: Pick<Message, "userId" | "claim">,
    channel: Channel,
  ): Promise<Addressee> {
    let contact: Contact | undefined;
    try {
      if (claim !== firstClaim) this.forget(userId);
      contact = await this.#contactOf(userId);
    } catch (error) {
      if (error instanceof UnknownContact) return { kind: "held", why: error.message };
      throw error;
    }
    if (contact === undefined) return { kind: "skipped", why: "there is no such user" };
    const address = channel === "email" ? contact.email : contact.phone;
    return contact.channels.includes(channel) && address !== null
      ? { kind: "reachable", address, name: contact.name }
      : { kind: "skipped", why: `the user does not want ${channel}` };
  }

  /** To be asked again: what is known of this user led to nothing. */
  forget(userId: string): void {
    this.#kept.delete(userId);
  }

  async #contactOf(userId: string): Promise<Contact | undefined> {
    const kept = this.#kept.get(userId);
    if (kept !== undefined && performance.now() < kept.untilMs) return kept.contact;
    if (this.#kept.size >= keptAtMost) this.#kept.clear();
    const contact = this.#ask(userId);
    this.#kept.set(userId, { contact, untilMs: performance.now() + keptMs });
    try {
      return await contact;
    } catch (error) {
      this.#kept.delete(userId);
      throw error;
    }
  }

  /** @throws {UnknownContact} when the user service does not say */
  async #ask(userId: string): Promise<Contact | undefined> {
    const { status, body } = await this.#user
      .call({ method: "GET", path: "/users/:id/contact", params: { id: userId } })
      .catch((error: unknown) => {
        throw error instanceof CallFailed ? new UnknownContact(`user: ${error.reason}`) : error;
      });
    // Not any 404: an address that leads somewhere else must not make users disappear.
    if (status === 404 && unknownUserSchema.safeParse(body).success) return undefined;
    const contact = contactSchema.safeParse(body);
    if (status !== 200 || !contact.success) throw new UnknownContact(`user: unexpected answer ${status}`);
    return contact.data;
  }
}

class UnknownContact extends Error {
  override readonly name = "UnknownContact";
}
