import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import type { Query } from "../service-kit/database.ts";
import type { GatewayName, PaymentGateway, SettlementPage } from "./payment-gateway.ts";

/**
 * Compares what the gateways settled with what is known here:
 *
 *   report ─▶ settlement_lines ─▶ those that a payment explains go ─▶ what is left is a difference
 *
 * A line of the report and the decision that it belongs to do not come at the same moment, so that a difference counts
 * only when it has lasted. Replicas may check at the same time: lines are stored by their id, and told of once.
 */
export interface SettlementsOptions {
  readonly gateways: readonly PaymentGateway[];
  readonly metrics: Registry;
  readonly log: Logger;
  /** How long a difference must last, in milliseconds, to be one. */
  readonly graceMs: number;
}

const sides = ["unknown-here", "unknown-there"] as const;

type Difference = {
  readonly gateway: GatewayName;
  readonly reference: string;
  readonly kind: "capture" | "refund";
  readonly amountCents: number;
};

export class Settlements {
  readonly #query: Query;
  readonly #gateways: readonly PaymentGateway[];
  readonly #log: Logger;
  readonly #graceMs: number;
  readonly #differences: Gauge<"gateway" | "side">;

  constructor(query: Query, { gateways, metrics, log, graceMs }: SettlementsOptions) {
    this.#query = query;
    this.#gateways = gateways;
    this.#log = log;
    this.#graceMs = graceMs;
    this.#differences = new Gauge({
      name: "payment_reconciliation_differences",
      help: "Captures and refunds that a gateway settled and that are unknown here, and the other way round.",
      labelNames: ["gateway", "side"],
      registers: [metrics],
    });
    for (const { name: gateway } of gateways)
      for (const side of sides) this.#differences.set({ gateway, side }, 0);
  }

  /** Reads the reports on and compares. A gateway that does not answer is compared by what it said before. */
  async check(): Promise<void> {
    await Promise.all(
      this.#gateways.map((gateway) =>
        this.#read(gateway).catch((error: unknown) =>
          this.#log.warn(
            { err: error, gateway: gateway.name },
            "the settlement report was not read to its end",
          ),
        ),
      ),
    );
    await this.#match();
    await this.#tell();
    for (const { gateway, side, differences } of await this.#count())
      this.#differences.set({ gateway, side }, differences);
  }

  async #read(gateway: PaymentGateway): Promise<void> {
    const [known] = await this.#query<{ readonly cursor: string }>(
      "select cursor from settlement_cursors where gateway = $1",
      [gateway.name],
    );
    let cursor = known?.cursor ?? null;
    let page: SettlementPage;
    do {
      page = await gateway.settlements(cursor);
      await this.#keep(gateway.name, page);
      cursor = page.cursor;
    } while (!page.isLast);
  }

  /** Lines and cursor in one statement: no line is passed over. */
  async #keep(gateway: GatewayName, { lines, cursor }: SettlementPage): Promise<void> {
    if (lines.length === 0 || cursor === null) return;
    await this.#query(
      `with kept as (
         insert into settlement_lines (gateway, id, kind, reference, authorization_id, amount_cents)
         select $1, l.* from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::int[]) l on conflict do nothing
       ) insert into settlement_cursors (gateway, cursor) values ($1, $2)
       on conflict (gateway) do update set cursor = excluded.cursor`,
      [
        gateway,
        cursor,
        lines.map(({ id }) => id),
        lines.map(({ kind }) => kind),
        lines.map(({ reference }) => reference),
        lines.map(({ authorizationId }) => authorizationId),
        lines.map(({ amountCents }) => amountCents),
      ],
    );
  }

  /** Takes out the lines that are as they should be, and marks their payments. */
  async #match(): Promise<void> {
    await this.#query(
      `with matched as (
         delete from settlement_lines l using payments p
         where p.reference = l.reference and p.gateway = l.gateway and p.authorization_id = l.authorization_id
           and p.amount_cents = l.amount_cents
           and p.status = any (case l.kind when 'capture' then array['captured', 'refunding', 'refunded']
                                           else array['refunded'] end)
         returning l.reference, l.kind
       ) update payments p set
           capture_settled = p.capture_settled or m.has_capture, refund_settled = p.refund_settled or m.has_refund
         from (select reference, bool_or(kind = 'capture') as has_capture, bool_or(kind = 'refund') as has_refund
               from matched group by reference) m
         where p.reference = m.reference`,
    );
  }

  /** Logs each difference once, whichever replica finds it. */
  async #tell(): Promise<void> {
    const unknownHere = await this.#query<Difference>(
      `update settlement_lines set is_told = true
       where not is_told and seen_at < now() - $1 * interval '1 ms'
       returning gateway, reference, kind, amount_cents as "amountCents"`,
      [this.#graceMs],
    );
    const unknownThere = await this.#query<Difference>(
      `update payments set is_difference_told = true
       where not is_difference_told and ${unreported} and decided_at < now() - $1 * interval '1 ms'
       returning gateway, reference, case when capture_settled then 'refund' else 'capture' end as kind,
         amount_cents as "amountCents"`,
      [this.#graceMs],
    );
    for (const difference of unknownHere)
      this.#log.error(difference, "the gateway settled what is not known here");
    for (const difference of unknownThere)
      this.#log.error(difference, "the gateway did not settle what is known here");
  }

  async #count(): Promise<
    readonly {
      readonly gateway: GatewayName;
      readonly side: (typeof sides)[number];
      readonly differences: number;
    }[]
  > {
    return this.#query(
      `select g.gateway, 'unknown-here' as side, (
         select count(*)::int from settlement_lines l
         where l.gateway = g.gateway and seen_at < now() - $2 * interval '1 ms') as differences
       from unnest($1::text[]) g (gateway)
       union all
       select g.gateway, 'unknown-there', (
         select count(*)::int from payments p
         where p.gateway = g.gateway and ${unreported} and decided_at < now() - $2 * interval '1 ms')
       from unnest($1::text[]) g (gateway)`,
      [this.#gateways.map(({ name }) => name), this.#graceMs],
    );
  }
}

/** As the index payments_unreported has it. */
const unreported = `status in ('captured', 'refunded') and not (capture_settled and (refund_settled or status = 'captured'))`;
