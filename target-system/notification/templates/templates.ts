import type { ToldType } from "../message.ts";
import { orderCancelled } from "./order-cancelled.ts";
import { orderConfirmed } from "./order-confirmed.ts";
import { orderDeclined } from "./order-declined.ts";
import { orderRefunded } from "./order-refunded.ts";
import type { Template } from "./template.ts";

export const templates: Readonly<Record<ToldType, Template>> = {
  "order.confirmed": orderConfirmed,
  "order.declined": orderDeclined,
  "order.cancelled": orderCancelled,
  "order.refunded": orderRefunded,
};

/** What a kind of message is called outside: "order-confirmed". */
export function templateName(type: ToldType): string {
  return type.replace(".", "-");
}
