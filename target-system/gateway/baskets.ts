import type { Database } from "../service-kit/database.ts";

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

export const schema = `
create table if not exists baskets (
  user_id text primary key, items jsonb not null, updated_at timestamptz not null default now()
);
-- What a basket held when it was checked out, by the client's key: a repeat must mean the same order, though the basket
-- may be empty by then.
create table if not exists checkouts (
  user_id text not null, key text not null, items jsonb not null, created_at timestamptz not null default now(),
  primary key (user_id, key)
);
`;

export async function basketOf({ query }: Database, userId: string): Promise<readonly Item[]> {
  const [basket] = await query<{ readonly items: readonly Item[] }>(
    "select items from baskets where user_id = $1",
    [userId],
  );
  return basket?.items ?? [];
}

export async function fillBasket({ query }: Database, userId: string, items: readonly Item[]): Promise<void> {
  await query(
    `insert into baskets (user_id, items) values ($1, $2)
     on conflict (user_id) do update set items = excluded.items, updated_at = now()`,
    [userId, JSON.stringify(items)],
  );
}

/** What the user's checkout of this key is for: the basket as it was when the key was first used. */
export async function checkedOutItems(
  { query }: Database,
  userId: string,
  key: string,
): Promise<readonly Item[]> {
  await query(
    `insert into checkouts (user_id, key, items)
     select user_id, $2, items from baskets where user_id = $1 and items <> '[]' on conflict do nothing`,
    [userId, key],
  );
  const [checkout] = await query<{ readonly items: readonly Item[] }>(
    "select items from checkouts where user_id = $1 and key = $2",
    [userId, key],
  );
  return checkout?.items ?? [];
}

/** Empties a basket of what was bought; one that was filled anew meanwhile stays. */
export async function emptyBasket(
  { query }: Database,
  userId: string,
  bought: readonly Item[],
): Promise<void> {
  await query("delete from baskets where user_id = $1 and items = $2", [userId, JSON.stringify(bought)]);
}
