import { z } from "zod";
import type { Callee } from "../service-kit/callee.ts";

const contactSchema = z.object({
  email: z.string(),
  phone: z.string().nullable(),
  name: z.string(),
  channels: z.array(z.string()),
});

/** How a user is reached. Personal: never logged, never in a span. */
export type Contact = z.output<typeof contactSchema>;

const keptMs = 10_000;
const keptAtMost = 1_000;

/** Users' contacts, asked of the user service and kept for a few seconds: one event asks once for all its channels. */
export class Contacts {
  readonly #user: Callee;
  readonly #kept = new Map<
    string,
    { readonly contact: Promise<Contact | undefined>; readonly untilMs: number }
  >();

  constructor(user: Callee) {
    this.#user = user;
  }

  /** `undefined` when there is no such user. @throws {CallFailed} when the user service does not answer */
  async of(userId: string): Promise<Contact | undefined> {
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

  async #ask(userId: string): Promise<Contact | undefined> {
    const answer = await this.#user.call({
      method: "GET",
      path: `/users/${encodeURIComponent(userId)}/contact`,
    });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`user answered ${answer.status}`);
    return contactSchema.parse(answer.body);
  }
}
