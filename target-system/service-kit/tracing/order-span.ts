import { trace } from "@opentelemetry/api";

/** By what all traces of an order or a payment are found; the same names in every service. */
export interface OrderOnSpan {
  readonly orderId: string;
  readonly orderStatus?: string;
  readonly paymentId?: string;
  /** Where the payment was taken. */
  readonly paymentGateway?: string;
}

/** Says on the span at hand which order it is about. */
export function markOrder({ orderId, orderStatus, paymentId, paymentGateway }: OrderOnSpan): void {
  trace.getActiveSpan()?.setAttributes({
    [orderIdAttribute]: orderId,
    "shop.order.status": orderStatus,
    "shop.payment.id": paymentId,
    "shop.payment.gateway": paymentGateway,
  });
}

export const orderIdAttribute = "shop.order.id";
