import type { Query } from "../service-kit/database.ts";
import type { Migration } from "../service-kit/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    id: "001-recommendation",
    sql: `
-- How often two products were in one order, both ways round.
create table if not exists bought_together (
  product_id text not null, other_id text not null, times int not null,
  primary key (product_id, other_id)
);
create table if not exists popularity (product_id text primary key, times int not null);
create table if not exists purchases (user_id text not null, product_id text not null, primary key (user_id, product_id));
create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());
-- The catalog's to say: null until it has been asked, or when it knows no such product.
alter table popularity add column if not exists category text;
`,
  },
];

/** Products that the shop opens with, p-0001 and so on; one that the catalog does not know is never shown. */
const productCount = 520;
const companions = 4;

/** The orders of a past that never was, so that there is something to recommend from the first page on. */
export async function seed(query: Query, seedText: string): Promise<void> {
  await query(
    `with pairs as (
       select n, 1 + (n - 1 + step * (7 + abs(hashtextextended($1, step) % 40))) % $2::int as other,
         1 + abs(hashtextextended($1 || '/' || n, step) % 3) as times
       from generate_series(1, $2::int) n, generate_series(1, $3::int) step
     ), past as (
       insert into bought_together (product_id, other_id, times)
       select 'p-' || lpad(n::text, 4, '0'), 'p-' || lpad(other::text, 4, '0'), max(times)
       from pairs where n <> other group by n, other
       on conflict do nothing
     )
     insert into popularity (product_id, times)
     select 'p-' || lpad(n::text, 4, '0'), sum(times) from pairs group by n
     on conflict do nothing`,
    [seedText, productCount, companions],
  );
}
