import { outboxTables } from "../service-kit/outbox.ts";

/**
 * order-db. An order's `status` is what has been decided, its `step` the work that is left; both are written down before
 * the call that acts on them:
 *
 *   pending:   reserving ──▶ paying ──▶ done (confirmed)
 *   cancelled: reserving ──▶ releasing ──▶ done
 *              paying ──▶ refunding ──▶ releasing ──▶ done
 *              done (confirmed) ──▶ refunding ──▶ releasing ──▶ done
 *   declined:  paying ──▶ releasing ──▶ done
 *
 * `due_at` is a lease: until then whoever carries the order on does so alone. `events` counts what was told of the order,
 * and numbers it.
 */
export const schema = `
create table if not exists orders (
  id text primary key,
  user_id text not null,
  status text not null default 'pending' check (status in ('pending', 'confirmed', 'cancelled', 'declined')),
  step text not null default 'reserving' check (step in ('reserving', 'paying', 'refunding', 'releasing', 'done')),
  reason text,
  total_cents int,
  idempotency_key text not null unique,
  trace_id text,
  traceparent text,
  baggage text,
  due_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index if not exists orders_of_user on orders (user_id, created_at desc);
create index if not exists orders_unfinished on orders (due_at) where step <> 'done';
alter table orders add column if not exists card_id text;
alter table orders add column if not exists events int not null default 0;

create table if not exists order_items (
  order_id text not null references orders,
  product_id text not null,
  quantity int not null check (quantity > 0),
  primary key (order_id, product_id)
);

-- The statuses that an order had, and 'refunded', once what was taken for it is back.
create table if not exists order_history (
  order_id text not null references orders,
  status text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (order_id, status)
);
${outboxTables}`;
