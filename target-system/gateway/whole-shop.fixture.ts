import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";

/** The whole shop as processes, as a browser meets it, with a relay on each edge that leaves the gateway, and to payment. */
export interface WholeShop extends AsyncDisposable {
  readonly url: string;
  readonly edges: Readonly<Record<Edge, TcpRelay>>;
  /** By name; the outside world is none of them. */
  readonly services: Readonly<Record<string, TestService>>;
  /** Every edge works again. */
  heal(): void;
  /** What both gateways took for an order: "captured 1" (times captured). */
  held(orderId: string): Promise<readonly string[]>;
}

/** `order-payment` leaves the order service, the others the gateway. */
export type Edge = "catalog" | "user" | "order" | "payment" | "recommendation" | "order-payment";

export async function startWholeShop(): Promise<WholeShop> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startPostgres());
  const start = async (main: string, env: Readonly<Record<string, string>> = {}): Promise<TestService> =>
    starting.use(await startTestService({ main, env }));
  const startStored = async (
    name: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<TestService> =>
    start(`${name}/main.ts`, { ...env, DATABASE_URL: await postgres.database(name) });
  const relayTo = async ({ url }: TestService): Promise<TcpRelay> =>
    starting.use(await startTcpRelay(Number(new URL(url).port)));
  const through = ({ port }: TcpRelay): string => `http://127.0.0.1:${port}`;

  const smtpPort = await freePort();
  // Not all at once: a start that has the machine to itself is soon over.
  const [gatewayA, gatewayB, , sms] = await Promise.all([
    start("outside-world/gateway-a.ts"),
    start("outside-world/gateway-b.ts"),
    start("outside-world/smtp.ts", { SMTP_PORT: String(smtpPort) }),
    start("outside-world/sms.ts"),
  ]);
  const [user, catalog] = await Promise.all([startStored("user"), startStored("catalog")]);
  const [recommendation, notification, payment] = await Promise.all([
    startStored("recommendation", { CATALOG_URL: catalog.url }),
    startStored("notification", {
      USER_URL: user.url,
      SMS_URL: sms.url,
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
    }),
    startStored("payment", { GATEWAY_A_URL: gatewayA.url, GATEWAY_B_URL: gatewayB.url }),
  ]);
  const orderPayment = await relayTo(payment);
  const order = await startStored("order", {
    CATALOG_URL: catalog.url,
    PAYMENT_URL: through(orderPayment),
    NOTIFICATION_URL: notification.url,
    RECOMMENDATION_URL: recommendation.url,
  });
  const edges: Readonly<Record<Edge, TcpRelay>> = {
    catalog: await relayTo(catalog),
    user: await relayTo(user),
    order: await relayTo(order),
    payment: await relayTo(payment),
    recommendation: await relayTo(recommendation),
    "order-payment": orderPayment,
  };
  const gateway = await startStored("gateway", {
    CATALOG_URL: through(edges.catalog),
    USER_URL: through(edges.user),
    ORDER_URL: through(edges.order),
    PAYMENT_URL: through(edges.payment),
    RECOMMENDATION_URL: through(edges.recommendation),
  });

  const started = starting.move();
  return {
    url: gateway.url,
    edges,
    services: { gateway, catalog, user, order, payment, notification, recommendation },
    heal() {
      for (const edge of Object.values(edges)) edge.become({ kind: "pass" });
    },
    async held(orderId) {
      const ledgers = await Promise.all([gatewayA, gatewayB].map((bank) => bank.request("GET", "/ledger")));
      return ledgers
        .flatMap(({ body }) => body as { orderId: string; status: string; captures: number }[])
        .filter((row) => row.orderId === orderId)
        .map(({ status, captures }) => `${status} ${captures}`);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
