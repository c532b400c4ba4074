import { randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";

export type GatewayName = "gateway-a" | "gateway-b";

/** A payment as stored: once its gateway is chosen it carries where and under which id money can be taken. */
export type Payment = {
  readonly orderId: string;
  readonly paymentId: string;
  readonly amountCents: number;
} & (
  | { readonly status: "authorizing" | "declined" | "refunded" | "cancelled" }
  | {
      readonly status: "capturing" | "captured" | "refunding";
      readonly gateway: GatewayName;
      readonly authorizationId: string;
    }
);

export type ChosenPayment = Extract<Payment, { gateway: GatewayName }>;

/** An authorisation at a gateway that the payment did not choose, or no longer needs. */
export type Stray = {
  readonly orderId: string;
  readonly gateway: GatewayName;
  /** How often it was looked for, this time included. */
  readonly attempts: number;
};

const columns = `order_id as "orderId", payment_id as "paymentId", amount_cents as "amountCents", status, gateway,
  authorization_id as "authorizationId"`;

/**
 * The payments as stored. Every move names the status it starts from, so that of two runs of one payment only one makes
 * it; the other gets `undefined` and reads what was decided.
 */
export class Payments {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Stores a new payment and the gateway about to be asked; `undefined` when the order has one already. */
  async begin(orderId: string, amountCents: number, gateway: GatewayName): Promise<Payment | undefined> {
    return this.#one(
      `with started as (
         insert into payments (order_id, payment_id, amount_cents, status) values ($1, $2, $3, 'authorizing')
         on conflict do nothing returning *
       ), asked as (insert into authorizations (order_id, gateway) select order_id, $4 from started)
       select ${columns} from started`,
      [orderId, randomUUID(), amountCents, gateway],
    );
  }

  async find(orderId: string): Promise<Payment | undefined> {
    return this.#one(`select ${columns} from payments where order_id = $1`, [orderId]);
  }

  /** Remembers that `gateway` is about to be asked to authorise. */
  async ask(orderId: string, gateway: GatewayName): Promise<void> {
    await this.#query(
      "insert into authorizations (order_id, gateway) values ($1, $2) on conflict do nothing",
      [orderId, gateway],
    );
  }

  /**
   * Chooses where the money is to be taken, before it is.
   * @param untouched gateways written down as asked that surely were not: nothing is to be voided there
   */
  async choose(
    orderId: string,
    gateway: GatewayName,
    authorizationId: string,
    untouched: readonly GatewayName[],
  ): Promise<Payment | undefined> {
    return this.#one(
      `with chosen as (
         update payments set status = 'capturing', gateway = $2, authorization_id = $3, due_at = now() + interval '1 s'
         where order_id = $1 and status = 'authorizing' returning *
       ), forgotten as (delete from authorizations where order_id = $1 and gateway = any ($4))
       select ${columns} from chosen`,
      [orderId, gateway, authorizationId, untouched],
    );
  }

  async captured(orderId: string): Promise<Payment | undefined> {
    return this.#one(
      `with done as (
         update payments set status = 'captured' where order_id = $1 and status = 'capturing' returning *
       ), settled as (
         update authorizations a set settled_at = now() from done d
         where a.order_id = d.order_id and a.gateway = d.gateway
       ) select ${columns} from done`,
      [orderId],
    );
  }

  async declined(orderId: string, from: "authorizing" | "capturing"): Promise<Payment | undefined> {
    return this.#one(
      `update payments set status = 'declined' where order_id = $1 and status = $2 returning ${columns}`,
      [orderId, from],
    );
  }

  /**
   * Decides that the order's money goes back, or is never taken. An order not seen yet gets its tombstone here, so that
   * a payment which arrives late is refused.
   */
  async cancel(orderId: string): Promise<Payment> {
    const payment = await this.#one(
      `insert into payments (order_id, payment_id, amount_cents, status) values ($1, $2, 0, 'cancelled')
       on conflict (order_id) do update set due_at = now() + interval '1 s', status = case
         when payments.status in ('capturing', 'captured') then 'refunding'
         when payments.status = 'authorizing' then 'cancelled'
         else payments.status end
       returning ${columns}`,
      [orderId, randomUUID()],
    );
    if (payment === undefined) throw new Error(`cancelling the payment of ${orderId} gave no row`);
    return payment;
  }

  /** The money of a payment in `refunding` went back, or turned out never to have been taken. */
  async undone(orderId: string, status: "refunded" | "cancelled"): Promise<Payment | undefined> {
    return this.#one(
      `update payments set status = $2 where order_id = $1 and status = 'refunding' returning ${columns}`,
      [orderId, status],
    );
  }

  /** Payments whose capture or refund has an unknown outcome; each is due again after `againAfterMs`. */
  async due(limit: number, againAfterMs: number): Promise<readonly Payment[]> {
    return this.#query<Payment>(
      `update payments set due_at = now() + $2 * interval '1 ms' where order_id in (
         select order_id from payments where status in ('capturing', 'refunding') and due_at <= now()
         order by due_at limit $1 for update skip locked
       ) returning ${columns}`,
      [limit, againAfterMs],
    );
  }

  /** Authorisations to void; each is due again after `againAfterMs` times its attempts, at most eight times that. */
  async strays(limit: number, againAfterMs: number): Promise<readonly Stray[]> {
    return this.#query<Stray>(
      `update authorizations a
       set attempts = a.attempts + 1, due_at = now() + least(a.attempts + 1, 8) * $2 * interval '1 ms'
       from (
         select o.order_id, o.gateway from authorizations o join payments p using (order_id)
         where o.settled_at is null and o.due_at <= now()
           and (p.status in ('declined', 'cancelled', 'refunded') or p.gateway <> o.gateway)
         order by o.due_at limit $1 for update of o skip locked
       ) stray
       where a.order_id = stray.order_id and a.gateway = stray.gateway
       returning a.order_id as "orderId", a.gateway, a.attempts`,
      [limit, againAfterMs],
    );
  }

  async settled({ orderId, gateway }: Stray): Promise<void> {
    await this.#query("update authorizations set settled_at = now() where order_id = $1 and gateway = $2", [
      orderId,
      gateway,
    ]);
  }

  async #one(sql: string, values: readonly unknown[]): Promise<Payment | undefined> {
    return (await this.#query<Payment>(sql, values))[0];
  }
}
