import { randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import type { GatewayName } from "./payment-gateway.ts";

/** Of one card, by gateway. */
export type CardTokens = Readonly<Partial<Record<GatewayName, string>>>;

/** A payment as stored: once its gateway is chosen it carries where and under which id money can be taken. */
export type Payment = {
  /** What the gateways know it by: the order's id, unless repeats are not to be recognised. */
  readonly reference: string;
  readonly orderId: string;
  readonly paymentId: string;
  readonly amountCents: number;
} &
  /** Without tokens when its card was removed since. */
  (
    | { readonly status: "authorizing"; readonly tokens: CardTokens | null }
    | { readonly status: "declined"; readonly reason: string }
    | { readonly status: "refunded" | "cancelled" }
    | {
        readonly status: "capturing" | "captured" | "refunding";
        readonly gateway: GatewayName;
        readonly authorizationId: string;
      }
  );

export type AuthorizingPayment = Extract<Payment, { status: "authorizing" }>;
export type ChosenPayment = Extract<Payment, { gateway: GatewayName }>;

export type NewPayment = {
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly userId: string;
  /** The user's newest when there is none. */
  readonly cardId?: string | undefined;
};

/** A payment to be carried on. */
export type DuePayment = Payment & { readonly ageMs: number };

/** An authorisation at a gateway that the payment did not choose, or no longer needs. */
export type Stray = {
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly gateway: GatewayName;
  /** How often it was looked for, this time included. */
  readonly attempts: number;
};

const columns = `reference, order_id as "orderId", payment_id as "paymentId", amount_cents as "amountCents", status, reason,
  gateway, authorization_id as "authorizationId",
  case when status = 'authorizing' then (select c.tokens from cards c where c.id = card_id) end as tokens`;

/** Longer than the request that began a payment, or chose its gateway, goes on with it. */
const ownMs = 3_000;

/**
 * The payments as stored. Every move names the status it starts from, so that of two runs of one payment only one makes
 * it; the other gets `undefined` and reads what was decided.
 */
export class Payments {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /**
   * Stores a new payment and the gateway about to be asked, or, when the user has no such card, that it is declined;
   * `undefined` when there is one of this reference already.
   */
  async begin(
    { reference, orderId, amountCents, userId, cardId }: NewPayment,
    gateway: GatewayName,
  ): Promise<Payment | undefined> {
    return this.#one(
      `with card as (
         select c.id from (select) one left join (
           select id from cards where user_id = $5 and ($6::text is null or id = $6) order by created_at desc, id limit 1
         ) c on true
       ), started as (
         insert into payments (reference, order_id, payment_id, amount_cents, card_id, status, reason, due_at)
         select $1, $2, $3, $4, id, case when id is null then 'declined' else 'authorizing' end,
           case when id is null then 'no-card' end, now() + $8 * interval '1 ms' from card
         on conflict do nothing returning *
       ), asked as (
         insert into authorizations (reference, gateway) select reference, $7 from started where status = 'authorizing'
       ) select ${columns} from started`,
      [reference, orderId, randomUUID(), amountCents, userId, cardId, gateway, ownMs],
    );
  }

  async find(reference: string): Promise<Payment | undefined> {
    return this.#one(`select ${columns} from payments where reference = $1`, [reference]);
  }

  /** The order's payment; where repeats are not recognised, its newest. */
  async ofOrder(orderId: string): Promise<Payment | undefined> {
    return this.#one(`select ${columns} from payments where order_id = $1 order by created_at desc limit 1`, [
      orderId,
    ]);
  }

  /** Remembers that `gateway` is about to be asked to authorise. @returns false when it has been asked before */
  async ask(reference: string, gateway: GatewayName): Promise<boolean> {
    const [asked] = await this.#query<{ readonly asks: number }>(
      `insert into authorizations (reference, gateway) values ($1, $2)
       on conflict (reference, gateway) do update set asks = authorizations.asks + 1, settled_at = null returning asks`,
      [reference, gateway],
    );
    return asked?.asks === 1;
  }

  /**
   * Chooses where the money is to be taken, before it is.
   * @param untouched gateways that this run wrote down as asked and surely did not reach: if no other run asked them,
   * nothing is to be voided there
   */
  async choose(
    reference: string,
    gateway: GatewayName,
    authorizationId: string,
    untouched: readonly GatewayName[],
  ): Promise<Payment | undefined> {
    return this.#one(
      `with chosen as (
         update payments set status = 'capturing', gateway = $2, authorization_id = $3, attempts = 0,
           due_at = now() + interval '1 s'
         where reference = $1 and status = 'authorizing' returning *
       ), forgotten as (
         delete from authorizations a using chosen c where a.reference = c.reference and a.gateway = any ($4) and a.asks = 1
       ) select ${columns} from chosen`,
      [reference, gateway, authorizationId, untouched],
    );
  }

  async captured(reference: string): Promise<Payment | undefined> {
    return this.#one(
      `with done as (
         update payments set status = 'captured', decided_at = now() where reference = $1 and status = 'capturing'
         returning *
       ), settled as (
         update authorizations a set settled_at = now() from done d
         where a.reference = d.reference and a.gateway = d.gateway
       ) select ${columns} from done`,
      [reference],
    );
  }

  /** @param gateway which said so, and so holds nothing */
  async declined(
    reference: string,
    from: "authorizing" | "capturing",
    gateway: GatewayName | "none",
    reason: string,
  ): Promise<Payment | undefined> {
    return this.#one(
      `with done as (
         update payments set status = 'declined', reason = $4, decided_at = now() where reference = $1 and status = $2
         returning *
       ), settled as (
         update authorizations a set settled_at = now() from done d where a.reference = d.reference and a.gateway = $3
       ) select ${columns} from done`,
      [reference, from, gateway, reason],
    );
  }

  /** Nobody authorised it, and nobody will be asked again. */
  async givenUp(reference: string): Promise<Payment | undefined> {
    return this.#one(
      `update payments set status = 'cancelled', decided_at = now() where reference = $1 and status = 'authorizing'
       returning ${columns}`,
      [reference],
    );
  }

  /**
   * Decides that the order's money goes back, or is never taken. An order not seen yet gets its tombstone here, so that
   * a payment which arrives late is refused.
   * @param reference of the tombstone
   * @returns the order's payments; more than one only where repeats are not recognised
   */
  async cancel(reference: string, orderId: string): Promise<readonly Payment[]> {
    await this.#query(
      `insert into payments (reference, order_id, payment_id, amount_cents, status)
       select $1, $2, $3, 0, 'cancelled' where not exists (select from payments where order_id = $2)
       on conflict do nothing`,
      [reference, orderId, randomUUID()],
    );
    // A statement of its own: it sees the row of a payment that began meanwhile.
    return this.#query<Payment>(
      `update payments set
         due_at = case when status in ('capturing', 'captured') then now() + interval '1 s' else due_at end,
         attempts = case when status in ('capturing', 'captured') then 0 else attempts end,
         status = case when status in ('capturing', 'captured') then 'refunding'
                       when status = 'authorizing' then 'cancelled' else status end
       where order_id = $1 returning ${columns}`,
      [orderId],
    );
  }

  /** The money of a payment in `refunding` went back, or turned out never to have been taken. */
  async undone(reference: string, status: "refunded" | "cancelled"): Promise<Payment | undefined> {
    return this.#one(
      `with done as (
         update payments set status = $2, decided_at = now() where reference = $1 and status = 'refunding' returning *
       ), settled as (
         update authorizations a set settled_at = now() from done d
         where a.reference = d.reference and a.gateway = d.gateway
       ) select ${columns} from done`,
      [reference, status],
    );
  }

  /**
   * Payments that were begun and are not over, and that nobody goes on with; each is due again after a second, two,
   * three, at most eight.
   * @param running references at work in this process
   */
  async due(limit: number, running: readonly string[]): Promise<readonly DuePayment[]> {
    return this.#query<DuePayment>(
      `update payments set attempts = attempts + 1, due_at = now() + least(attempts + 1, 8) * interval '1 s'
       where reference in (
         select reference from payments
         where status in ('authorizing', 'capturing', 'refunding') and due_at <= now() and reference <> all ($2)
         order by due_at limit $1 for update skip locked
       ) returning ${columns}, (extract(epoch from now() - created_at) * 1000)::float8 as "ageMs"`,
      [limit, running],
    );
  }

  /** Authorisations to void; each is due again as in {@link due}. @param running references at work in this process */
  async strays(limit: number, running: readonly string[]): Promise<readonly Stray[]> {
    return this.#query<Stray>(
      `update authorizations a
       set attempts = a.attempts + 1, due_at = now() + least(a.attempts + 1, 8) * interval '1 s'
       from (
         select o.reference, o.gateway, p.order_id, p.amount_cents from authorizations o join payments p using (reference)
         where o.settled_at is null and o.due_at <= now() and o.reference <> all ($2)
           and (p.status in ('declined', 'cancelled', 'refunded') or p.gateway <> o.gateway)
         order by o.due_at limit $1 for update of o skip locked
       ) stray
       where a.reference = stray.reference and a.gateway = stray.gateway
       returning a.reference, a.gateway, a.attempts, stray.order_id as "orderId",
         stray.amount_cents as "amountCents"`,
      [limit, running],
    );
  }

  async settled({ reference, gateway }: Stray): Promise<void> {
    await this.#query("update authorizations set settled_at = now() where reference = $1 and gateway = $2", [
      reference,
      gateway,
    ]);
  }

  async #one(sql: string, values: readonly unknown[]): Promise<Payment | undefined> {
    return (await this.#query<Payment>(sql, values))[0];
  }
}
