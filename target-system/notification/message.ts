/** How users are told. */
export const channels = ["email", "sms"] as const;
export type Channel = (typeof channels)[number];

/** The changes of an order that users are told of. */
export const toldTypes = ["order.confirmed", "order.declined", "order.cancelled", "order.refunded"] as const;
export type ToldType = (typeof toldTypes)[number];

export type Item = { readonly productId: string; readonly quantity: number };

/** What is to be said to one user on one channel because of one event. */
export type Message = {
  readonly eventId: string;
  readonly channel: Channel;
  readonly type: ToldType;
  readonly orderId: string;
  readonly userId: string;
  /** Null where the order was given up before anybody knew. */
  readonly totalCents: number | null;
  readonly items: readonly Item[];
  readonly reason: string | null;
  readonly traceparent: string | null;
  readonly baggage: string | null;
  /** This one included. */
  readonly attempts: number;
  /** Which of the message's leases this is. */
  readonly claim: string;
};

/** What came of one try to send a message. */
export type Outcome =
  | { readonly kind: "sent" }
  /** The user does not want it there, or is gone. */
  | { readonly kind: "skipped"; readonly why: string }
  /** It was not accepted, or nobody heard whether it was. */
  | { readonly kind: "failed"; readonly why: string }
  /** It will never be accepted as it is. */
  | { readonly kind: "refused"; readonly why: string }
  /** It could not even be tried. */
  | { readonly kind: "held"; readonly why: string };

/** Sends a message, and says how it went: `why` names nobody. What it throws counts as `failed`. */
export type Send = (message: Message) => Promise<Outcome>;
