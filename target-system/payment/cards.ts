import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Database, Row } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import type { CardFace } from "./card-number.ts";
import type { PaymentGateway } from "./payment-gateway.ts";
import type { CardTokens } from "./payments.ts";
import { unheardOf } from "./unheard.ts";

/** What a user may see of a card. */
export type Card = {
  readonly cardId: string;
  readonly brand: string;
  readonly last4: string;
  /** `MM/YY` */
  readonly expiry: string;
};

const columns = `id as "cardId", brand, last4, expiry`;

/**
 * The users' cards. A number goes to the gateways' vaults and nowhere else: what is kept are the tokens that they give for
 * it. A card that only one of them has taken is paid by that one alone.
 */
export class Cards {
  readonly #database: Database;
  readonly #gateways: readonly PaymentGateway[];
  readonly #log: Logger;

  constructor(database: Database, gateways: readonly PaymentGateway[], log: Logger) {
    this.#database = database;
    this.#gateways = gateways;
    this.#log = log;
  }

  /**
   * The same card of a user, added again, is the one there is, and from now on the user's newest.
   * @throws {HttpError} 422 card-refused, 503 gateways-unavailable
   */
  async add(userId: string, card: CardFace, cvc: string): Promise<Card> {
    const tokens = await this.#tokenize(card, cvc);
    return this.#database.transaction(async (query) => {
      // One at a time for a user: the same card, added twice at once, is one.
      await query("select pg_advisory_xact_lock(hashtext('cards of ' || $1))", [userId]);
      const known = await query<Card>(
        `update cards set tokens = tokens || $2::jsonb, created_at = now() where id = (
           select id from cards where user_id = $1
             and exists (select from jsonb_each_text($2::jsonb) t where cards.tokens ->> t.key = t.value)
           limit 1
         ) returning ${columns}`,
        [userId, JSON.stringify(tokens)],
      );
      if (known[0] !== undefined) return known[0];
      return only(
        await query<Card>(
          `insert into cards (id, user_id, brand, last4, expiry, tokens) values ($1, $2, $3, $4, $5, $6)
           returning ${columns}`,
          [randomUUID(), userId, card.brand, card.last4, card.expiry, JSON.stringify(tokens)],
        ),
      );
    });
  }

  /** Newest first: the first one is charged when the user does not choose. */
  async of(userId: string): Promise<readonly Card[]> {
    return this.#database.query<Card>(
      `select ${columns} from cards where user_id = $1 order by created_at desc, id`,
      [userId],
    );
  }

  /** A payment that no gateway has authorised yet is declined. */
  async remove(userId: string, cardId: string): Promise<void> {
    await this.#database.query("delete from cards where user_id = $1 and id = $2", [userId, cardId]);
  }

  async #tokenize({ number, month, year }: CardFace, cvc: string): Promise<CardTokens> {
    const tokens = await Promise.all(
      this.#gateways.map(async (gateway) => {
        const { name } = gateway;
        try {
          const answer = await gateway.tokenize({ number, cvc, month, year });
          if (answer.kind === "refused")
            throw new HttpError(422, "card-refused", "this card cannot be paid with here");
          return [[name, answer.token]] as const;
        } catch (error) {
          if (unheardOf(error) === undefined) throw error;
          this.#log.warn({ err: error, gateway: name }, "a vault did not take a card");
          return [];
        }
      }),
    );
    if (tokens.flat().length === 0)
      throw new HttpError(
        503,
        "gateways-unavailable",
        "no gateway could take the card; try again in a moment",
      );
    return Object.fromEntries(tokens.flat());
  }
}

function only<R extends Row>([row]: readonly R[]): R {
  if (row === undefined) throw new Error("expected a row");
  return row;
}
