import type { Query } from "../service-kit/database.ts";

/**
 * payment-db. `payments` has one row a payment, known by its reference: the order's id, unless the idempotency pattern is
 * off. Its status is what has been decided, written down before each call that acts on it:
 *
 *   authorizing ──▶ capturing ──▶ captured ──▶ refunding ──▶ refunded | cancelled
 *        │ ╲            │  ╲────────────────────────▲
 *        │  ╲▶ declined ◀╯
 *        ╰──▶ cancelled        (a refund before anything was taken: also the tombstone of an order never seen)
 *
 * `gateway` is chosen once, on the way to `capturing`, and never changes: a payment's money can be taken in one place
 * only. `authorizations` remembers every gateway that was asked, so that those not chosen are voided.
 *
 * `cards` holds what the gateways' vaults gave for a card's number, never the number. `settlement_lines` are those of the
 * gateways' reports that no payment here explains yet.
 */
export const schema = `
-- Once a payment was known by its order's id alone.
do $$ begin
  if exists (select from information_schema.columns
             where table_schema = current_schema() and table_name = 'authorizations' and column_name = 'order_id') then
    alter table authorizations rename column order_id to reference;
    alter table payments rename column order_id to reference;
    alter table payments add column order_id text;
    update payments set order_id = reference;
    alter table payments alter column order_id set not null;
    drop index payments_unsettled;
  end if;
end $$;

create table if not exists payments (
  reference text primary key,
  order_id text not null,
  payment_id text not null unique,
  amount_cents int not null,
  status text not null check (status in
    ('authorizing', 'capturing', 'captured', 'declined', 'refunding', 'refunded', 'cancelled')),
  gateway text,
  authorization_id text,
  due_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
-- Why it was declined.
alter table payments add column if not exists reason text;
alter table payments add column if not exists card_id text;
alter table payments add column if not exists attempts int not null default 0;
alter table payments add column if not exists decided_at timestamptz not null default now();
-- Whether a gateway's settlement report has the line.
alter table payments add column if not exists capture_settled boolean not null default false;
alter table payments add column if not exists refund_settled boolean not null default false;
create index if not exists payments_by_order on payments (order_id);
create index if not exists payments_unsettled on payments (due_at)
  where status in ('authorizing', 'capturing', 'refunding');
create index if not exists payments_unreported on payments (decided_at)
  where status in ('captured', 'refunded') and not (capture_settled and (refund_settled or status = 'captured'));

create table if not exists authorizations (
  reference text not null references payments,
  gateway text not null,
  due_at timestamptz not null default now(),
  attempts int not null default 0,
  settled_at timestamptz,
  primary key (reference, gateway)
);
-- How often: what was asked once alone, and surely did not get there, can be forgotten.
alter table authorizations add column if not exists asks int not null default 1;
create index if not exists authorizations_open on authorizations (due_at) where settled_at is null;

create table if not exists cards (
  id text primary key,
  user_id text not null,
  brand text not null,
  last4 text not null,
  expiry text not null,
  -- By gateway; a vault that did not answer has none.
  tokens jsonb not null,
  created_at timestamptz not null default now()
);
create index if not exists cards_by_user on cards (user_id, created_at desc);

create table if not exists settlement_lines (
  gateway text not null,
  id text not null,
  kind text not null check (kind in ('capture', 'refund')),
  reference text not null,
  authorization_id text not null,
  amount_cents int not null,
  seen_at timestamptz not null default now(),
  is_told boolean not null default false,
  primary key (gateway, id)
);
alter table payments add column if not exists is_difference_told boolean not null default false;
create table if not exists settlement_cursors (gateway text primary key, cursor text not null);
`;

const shopperCount = 50;

/** A card for each of the shop's first shoppers, by tokens that both vaults know. */
export async function seed(query: Query): Promise<void> {
  const shoppers = Array.from(
    { length: shopperCount },
    (_, index) => `user-${String(index + 1).padStart(3, "0")}`,
  );
  // Into an empty table only: a card that its user removed must not come back.
  await query(
    `insert into cards (id, user_id, brand, last4, expiry, tokens)
     select 'card-' || u, u, 'visa', '4242', '12/39', jsonb_build_object('gateway-a', 'tok-' || u, 'gateway-b', 'tok-' || u)
     from unnest($1::text[]) u where not exists (select from cards)`,
    [shoppers],
  );
}
