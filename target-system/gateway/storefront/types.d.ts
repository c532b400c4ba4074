/** What the gateway answers, as far as the page reads it. Fields that an older service leaves out are optional. */

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
  readonly category?: string;
  readonly available?: number;
  readonly description?: string;
}

export interface Listing {
  readonly products: readonly Product[];
  readonly total: number;
}

export interface Category {
  readonly name: string;
  readonly products: number;
}

export interface ProductPage {
  readonly product: Product;
  readonly recommendations: readonly Product[];
  readonly degraded: boolean;
}

export interface Recommended {
  readonly products: readonly Product[];
  readonly source: string;
  readonly degraded: boolean;
}

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

export interface Tokens {
  readonly userId: string;
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
}

export interface Card {
  readonly cardId: string;
  readonly brand: string;
  readonly last4: string;
  /** "MM/YY" */
  readonly expiry: string;
}

export type OrderStatus = "pending" | "confirmed" | "declined" | "cancelled";

export interface PlacedOrder {
  readonly orderId: string;
  readonly status: OrderStatus;
}

export interface OrderSummary extends PlacedOrder {
  readonly totalCents: number | null;
  readonly createdAt: string;
}

export interface Orders {
  readonly orders: readonly OrderSummary[];
  readonly total?: number;
}

export interface Order extends PlacedOrder {
  readonly totalCents: number | null;
  readonly reason?: string | null;
  readonly history: readonly { readonly status: string; readonly at: string }[];
  readonly items?: readonly Item[];
  readonly canCancel?: boolean;
}

export type Channel = "email" | "sms";

export interface Address {
  readonly name: string;
  readonly street: string;
  readonly postcode: string;
  readonly city: string;
  /** Two letters, as in ISO 3166. */
  readonly country: string;
}

export interface Profile {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly phone: string | null;
  readonly channels: readonly Channel[];
  readonly favouriteCategories: readonly string[];
  readonly addresses: readonly Address[];
}

/** What an element may contain; what is false, null or undefined is left out. */
export type Child = Node | string | number | false | null | undefined | readonly Child[];

/** Of an element: `on…` are listeners; true and false switch an attribute; null and undefined leave it out. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | null | undefined | ((event: never) => void)>
>;
