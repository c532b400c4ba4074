import type { Query } from "../service-kit/database.ts";
import type { Item, OrderStatus } from "./orders.ts";

/** An order as its customer sees it in a list. */
export type OrderSummary = {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly totalCents: number | null;
  readonly createdAt: Date;
};

export type OrderPage = OrderSummary & {
  readonly reason: string | null;
  readonly items: readonly Item[];
  readonly history: readonly { readonly status: string; readonly at: string }[];
  readonly canCancel: boolean;
};

const summary = `id as "orderId", status, total_cents as "totalCents", created_at as "createdAt"`;
const pageSize = 20;

/** What customers see of their orders; somebody else's are not there. */
export class OrderPages {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  async one(orderId: string, userId: string): Promise<OrderPage | undefined> {
    const [page] = await this.#query<OrderPage>(
      `select ${summary}, reason, status in ('pending', 'confirmed') as "canCancel", (
         select jsonb_agg(jsonb_build_object('productId', product_id, 'quantity', quantity) order by product_id)
         from order_items where order_id = o.id
       ) as items, (
         select jsonb_agg(jsonb_build_object('status', h.status, 'at', h.at) order by h.at)
         from order_history h where h.order_id = o.id
       ) as history from orders o where id = $1 and user_id = $2`,
      [orderId, userId],
    );
    return page;
  }

  /** @param page from 1, newest orders first */
  async list(
    userId: string,
    page: number,
  ): Promise<{ readonly orders: readonly OrderSummary[]; readonly page: number; readonly total: number }> {
    const rows = await this.#query<{ readonly total: number } & (OrderSummary | { readonly orderId: null })>(
      `select counted.total, listed.* from (select count(*)::int as total from orders where user_id = $1) counted
       left join (
         select ${summary} from orders where user_id = $1 order by created_at desc, id limit $2 offset $3
       ) listed on true order by listed."createdAt" desc, listed."orderId"`,
      [userId, pageSize, (page - 1) * pageSize],
    );
    const orders = rows.flatMap(({ total: _, ...row }) => (row.orderId === null ? [] : [row]));
    return { orders, page, total: rows[0]?.total ?? 0 };
  }
}
