import type { Query } from "../service-kit/database.ts";
import type { Migration } from "../service-kit/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    id: "001-catalog",
    sql: `
create table if not exists products (
  id text primary key,
  name text not null,
  description text not null,
  category text not null,
  price_cents int not null check (price_cents > 0),
  initial_stock int not null,
  available int not null check (available >= 0),
  words tsvector generated always as (
    setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', description), 'B')
  ) stored
) with (fillfactor = 70); -- room for stock to be counted down within the page, past the indexes
create index if not exists products_by_category on products (category, id);
create index if not exists products_by_words on products using gin (words);
-- Units that confirmed orders took. Without an index, which each order would have to keep up.
alter table products add column if not exists sold int not null default 0;
alter table products add column if not exists listed_at timestamptz not null default now();

-- One an order: what stock it holds. A released one stays, so that a late reserve of the same order is refused.
create table if not exists reservations (
  order_id text primary key,
  status text not null check (status in ('reserved', 'committed', 'released')),
  created_at timestamptz not null default now()
);
create table if not exists reservation_lines (
  order_id text not null references reservations,
  product_id text not null references products,
  quantity int not null check (quantity > 0),
  price_cents int not null,
  status text not null,
  primary key (order_id, product_id)
);
create index if not exists reservation_lines_by_product on reservation_lines (product_id);
alter table reservations add column if not exists expires_at timestamptz not null default now() + interval '20 minutes';
-- When its time ran out; its status is 'released' then.
alter table reservations add column if not exists expired_at timestamptz;
create index if not exists reservations_by_expiry on reservations (expires_at) where status = 'reserved';

create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());
`,
  },
];

const categories = [
  "books",
  "garden",
  "kitchen",
  "music",
  "office",
  "outdoor",
  "sports",
  "tools",
  "toys",
  "travel",
];
const productCount = 520;
const initialStock = 100_000;

/** The same products for the same seed; prices and words are PostgreSQL's own hash of seed and number. */
export async function seed(query: Query, seedText: string): Promise<void> {
  await query(
    `with numbered as (
       select n, abs(hashtextextended($1 || '/' || n, 0)) as h from generate_series(1, $2::int) n
     ), worded as (
       select n, h,
         (array['red','blue','green','small','large','classic','modern','light'])[1 + h % 8] as adjective,
         (array['steel','wooden','cotton','glass','leather','paper','stone','pro'])[1 + (h / 8) % 8] as material,
         (array['lamp','chair','mug','guitar','notebook','tent','ball','hammer','puzzle','backpack'])[1 + (h / 64) % 10] as thing,
         ($3::text[])[1 + n % array_length($3::text[], 1)] as category
       from numbered
     )
     insert into products (id, name, description, category, price_cents, initial_stock, available, listed_at)
     select 'p-' || lpad(n::text, 4, '0'), initcap(adjective || ' ' || material || ' ' || thing),
       'A ' || adjective || ' ' || thing || ' of ' || material || ' for ' || category || ', number ' || n || '.',
       category, 199 + (h % 19800)::int, $4::int, $4::int,
       timestamptz '2026-01-01 00:00Z' + h / 1024 % 300 * interval '1 day'
     from worded
     on conflict (id) do nothing`,
    [seedText, productCount, categories, initialStock],
  );
}
