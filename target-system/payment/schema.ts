/**
 * payment-db. `payments` has one row an order; its status is what has been decided, written down before each call that
 * acts on it:
 *
 *   authorizing ──▶ capturing ──▶ captured ──▶ refunding ──▶ refunded | cancelled
 *        │ ╲            │  ╲────────────────────────▲
 *        │  ╲▶ declined ◀╯
 *        ╰──▶ cancelled        (a refund before anything was taken: also the tombstone of an order never seen)
 *
 * `gateway` is chosen once, on the way to `capturing`, and never changes: an order's money can be taken in one place
 * only. `authorizations` remembers every gateway that was asked, so that those not chosen are voided.
 */
export const schema = `
create table if not exists payments (
  order_id text primary key,
  payment_id text not null unique,
  amount_cents int not null,
  status text not null check (status in
    ('authorizing', 'capturing', 'captured', 'declined', 'refunding', 'refunded', 'cancelled')),
  gateway text,
  authorization_id text,
  due_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index if not exists payments_unsettled on payments (due_at) where status in ('capturing', 'refunding');

create table if not exists authorizations (
  order_id text not null references payments,
  gateway text not null,
  due_at timestamptz not null default now(),
  attempts int not null default 0,
  settled_at timestamptz,
  primary key (order_id, gateway)
);
create index if not exists authorizations_open on authorizations (due_at) where settled_at is null;
`;
