import { z } from "zod";
import { pause } from "../service-kit/pause.ts";
import { startService, type ServiceContext } from "../service-kit/service.ts";
import { cardRoutes } from "./card-routes.ts";
import { Cards } from "./cards.ts";
import { Cashier } from "./cashier.ts";
import { createGatewayA } from "./gateway-a.ts";
import { createGatewayB } from "./gateway-b.ts";
import { tellPayments } from "./payment-events.ts";
import type { PaymentGateway } from "./payment-gateway.ts";
import { paymentRoutes } from "./payment-routes.ts";
import { Payments, type DuePayment, type Stray } from "./payments.ts";
import { Refunds } from "./refunds.ts";
import { schema, seed } from "./schema.ts";
import { Settlements } from "./settlements.ts";
import { sweep } from "./sweeper.ts";

/** payment: takes an order's money once, through one of two gateways, and gives it back. */

const { SETTLEMENT_CHECK_SECONDS: checkSeconds } = z
  .object({ SETTLEMENT_CHECK_SECONDS: z.coerce.number().positive().default(60) })
  .parse(process.env);

/** All calls of one payment, with the slowest allowed for each, must end before the order service stops waiting. */
const hastyMs = 700;
/** Where nobody waits, a slow gateway is heard out. */
const patientMs = 6_000;
/** Longer than an order waits to be paid (15 minutes). */
const giveUpAfterMs = 20 * 60_000;
const lanes = 20;

let sweepAll: (service: ServiceContext) => void;

await startService({
  name: "payment",
  migrations: [{ id: "001-payment", sql: schema }],
  seed,
  callees: [],
  outside: ["gateway-a", "gateway-b"],
  routes(app, { database, callee, idempotency, log, metrics }) {
    const payments = new Payments(database.query);
    const tell = tellPayments(metrics);
    const gatewaysWithin = (deadlineMs: number): [PaymentGateway, PaymentGateway] => {
      const options = { deadlineMs, keyOf: (given: string) => idempotency.keyOf(given) };
      return [createGatewayA(callee("gateway-a"), options), createGatewayB(callee("gateway-b"), options)];
    };
    const [hasty, patient] = [gatewaysWithin(hastyMs), gatewaysWithin(patientMs)];
    const cashier = new Cashier({ payments, gateways: hasty, tell, log });
    const refunds = new Refunds({ payments, gateways: hasty, tell, log });
    const methods = hasty.map(({ method }) => method);
    paymentRoutes(app, { cashier, refunds, payments, idempotency, methods });
    cardRoutes(app, new Cards(database, hasty, log));

    const patientCashier = new Cashier({ payments, gateways: patient, tell, log });
    const patientRefunds = new Refunds({ payments, gateways: patient, tell, log });
    const settlements = new Settlements(database.query, {
      gateways: patient,
      metrics,
      log,
      graceMs: 2_000 * checkSeconds,
    });
    const carryOn = (payment: DuePayment): Promise<unknown> => {
      if (payment.status === "refunding") return patientRefunds.giveBack(payment);
      if (payment.status === "authorizing" && payment.ageMs > giveUpAfterMs)
        return payments.givenUp(payment.reference);
      return patientCashier.carryOn(payment);
    };
    sweepAll = ({ signal }) => {
      const settling = { task: "settle payment", lanes, work: carryOn };
      void sweep({ ...settling, claim: (...of) => payments.due(...of) }, log, signal);
      // Hasty: an authorisation that nobody needs can wait until its gateway is well again.
      const voidStray = (stray: Stray): Promise<void> => refunds.void(stray);
      const voiding = { task: "void authorization", lanes, work: voidStray };
      void sweep({ ...voiding, claim: (...of) => payments.strays(...of) }, log, signal);
      void checkSettlements(settlements, { log, signal });
    };
  },
  background: (service) => sweepAll(service),
});

async function checkSettlements(
  settlements: Settlements,
  { log, signal }: Pick<ServiceContext, "log" | "signal">,
): Promise<void> {
  while (!signal.aborted) {
    await pause(checkSeconds * 1_000, signal);
    if (!signal.aborted)
      await settlements
        .check()
        .catch((error: unknown) => log.warn({ err: error }, "settlements were not compared"));
  }
}
