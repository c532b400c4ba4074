import type { Database } from "../service-kit/database.ts";

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

export const migrations = `
create table if not exists baskets (
  user_id text primary key, items jsonb not null, updated_at timestamptz not null default now()
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
