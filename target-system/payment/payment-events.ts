import { trace } from "@opentelemetry/api";
import { Counter, type Registry } from "prom-client";
import { gatewayNames, type GatewayName } from "./payment-gateway.ts";

/** Something that happened to a payment, told as it happens: to metrics, and to the trace of the request at work. */
export type PaymentEvent =
  | {
      readonly kind: "decided";
      readonly gateway: GatewayName | "none";
      readonly outcome: "captured" | "declined" | "refunded" | "cancelled";
    }
  | {
      readonly kind: "fail-over";
      readonly from: GatewayName;
      readonly to: GatewayName;
      readonly why: string;
    }
  /** The gateway was asked, and may have done it. */
  | { readonly kind: "outcome-unknown"; readonly gateway: GatewayName; readonly operation: Operation }
  /** The gateway's own record told what had been unknown. */
  | {
      readonly kind: "reconciled";
      readonly gateway: GatewayName;
      readonly operation: Operation;
      readonly found: string;
    }
  | { readonly kind: "compensated"; readonly gateway: GatewayName; readonly by: "void" | "refund" };

export type Operation = "authorize" | "capture" | "refund";
export type TellPayment = (event: PaymentEvent) => void;

/** What the gateways' records are likely to say, which is counted from zero. */
const expectable: readonly (readonly [operation: Operation, found: string])[] = [
  ["authorize", "authorized"],
  ["authorize", "nothing"],
  ["capture", "captured"],
  ["capture", "authorized"],
  ["capture", "nothing"],
  ["refund", "refunded"],
];

export function tellPayments(registry: Registry): TellPayment {
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const payments = counter("payment_payments_total", "Payments decided, by gateway and outcome.", [
    "gateway",
    "outcome",
  ]);
  for (const outcome of ["captured", "declined", "refunded", "cancelled"] as const)
    for (const gateway of gatewayNames) payments.inc({ gateway, outcome }, 0);
  payments.inc({ gateway: "none", outcome: "declined" }, 0);
  const failOvers = counter("payment_fail_overs_total", "Authorisations asked of the next gateway, by why.", [
    "from",
    "to",
    "why",
  ]);
  const unknown = counter(
    "payment_unknown_outcomes_total",
    "Calls to a gateway that it may have carried out without being heard.",
    ["gateway", "operation"],
  );
  const reconciled = counter(
    "payment_reconciled_total",
    "Unknown outcomes that the gateway's own record settled, by what was found.",
    ["gateway", "operation", "found"],
  );
  const compensations = counter(
    "payment_compensations_total",
    "Authorisations voided that were not needed, and captures given back.",
    ["gateway", "by"],
  );

  for (const gateway of gatewayNames) {
    for (const operation of ["authorize", "capture", "refund"] as const)
      unknown.inc({ gateway, operation }, 0);
    for (const [operation, found] of expectable) reconciled.inc({ gateway, operation, found }, 0);
    for (const by of ["void", "refund"]) compensations.inc({ gateway, by }, 0);
  }
  for (const why of ["timeout", "refused", "broken", "breaker-open", "bulkhead-full", "deadline-passed"])
    failOvers.inc({ from: "gateway-a", to: "gateway-b", why }, 0);

  return (event) => {
    const { kind, ...labels } = event;
    if (kind !== "decided") trace.getActiveSpan()?.addEvent(kind, labels);
    switch (event.kind) {
      case "decided":
        return payments.inc({ gateway: event.gateway, outcome: event.outcome });
      case "fail-over":
        return failOvers.inc({ from: event.from, to: event.to, why: event.why });
      case "outcome-unknown":
        return unknown.inc({ gateway: event.gateway, operation: event.operation });
      case "reconciled":
        return reconciled.inc({ gateway: event.gateway, operation: event.operation, found: event.found });
      case "compensated":
        return compensations.inc({ gateway: event.gateway, by: event.by });
    }
  };
}
