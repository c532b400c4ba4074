import pg from "pg";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { startSpanSink, type TestSpan } from "../service-kit/tracing/spans.fixture.ts";

type Edge = "order-db" | "catalog" | "payment" | "notification" | "recommendation";

/** All that a checkout needs, as processes, with a relay on each edge that leaves the order service. */
export interface Shop extends AsyncDisposable {
  readonly edges: Readonly<Record<Edge, TcpRelay>>;
  readonly spans: readonly TestSpan[];
  /** The order service now at work. */
  readonly order: () => TestService;
  /** One more replica of the order service, on the same database and the same edges. */
  startTwin(): Promise<TestService>;
  /** Kills the order service without warning and starts another one on the same database. */
  killOrderService(): Promise<void>;
  /** Reads order-db past the relay. */
  queryOrders<R extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  queryCatalog<R extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /** What both gateways hold for an order: "captured 1" (times captured). */
  held(orderId: string): Promise<readonly string[]>;
  mailsOf(orderId: string): Promise<number>;
}

export async function startShop(): Promise<Shop> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startPostgres());
  const databases = new Map<string, string>();
  for (const name of ["order", "payment", "catalog", "user", "notification", "recommendation"])
    databases.set(name, await postgres.database(name));
  const databaseOf = (name: string): string => databases.get(name) ?? "";
  const start = async (main: string, env: Readonly<Record<string, string>>): Promise<TestService> =>
    starting.use(await startTestService({ main, env }));
  const startStored = (name: string, env: Readonly<Record<string, string>> = {}): Promise<TestService> =>
    start(`${name}/main.ts`, { ...env, DATABASE_URL: databaseOf(name) });
  const relayTo = async (url: string): Promise<TcpRelay> =>
    starting.use(await startTcpRelay(Number(new URL(url).port)));
  const poolOf = (name: string): pg.Pool =>
    starting.adopt(new pg.Pool({ connectionString: databaseOf(name), max: 2 }), (pool) => pool.end());

  const smtpPort = await freePort();
  // Not all at once: a start that has the machine to itself is soon over.
  const [gatewayA, gatewayB, smtp, sms] = await Promise.all([
    start("outside-world/gateway-a.ts", {}),
    start("outside-world/gateway-b.ts", {}),
    start("outside-world/smtp.ts", { SMTP_PORT: String(smtpPort) }),
    start("outside-world/sms.ts", {}),
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
  const edges = {
    "order-db": await relayTo(databaseOf("order")),
    catalog: await relayTo(catalog.url),
    payment: await relayTo(payment.url),
    notification: await relayTo(notification.url),
    recommendation: await relayTo(recommendation.url),
  };
  const receiver = starting.use(await startSpanSink());
  const through = (edge: Edge): string => `http://127.0.0.1:${edges[edge].port}`;
  const startOrder = (): Promise<TestService> =>
    startTestService({
      main: "order/main.ts",
      env: {
        DATABASE_URL: databaseOf("order").replace(/:\d+\//, `:${edges["order-db"].port}/`),
        CATALOG_URL: through("catalog"),
        PAYMENT_URL: through("payment"),
        NOTIFICATION_URL: through("notification"),
        RECOMMENDATION_URL: through("recommendation"),
        OTEL_SERVICE_NAME: "order",
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      },
    });
  let order = await startOrder();
  starting.defer(() => order[Symbol.asyncDispose]());
  const [orderRows, catalogRows] = [poolOf("order"), poolOf("catalog")];

  const started = starting.move();
  return {
    edges,
    spans: receiver.spans,
    order: () => order,
    startTwin: startOrder,
    async killOrderService() {
      await order.stop("SIGKILL");
      order = await startOrder();
    },
    queryOrders: async <R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await orderRows.query<R>(sql, [...values])).rows,
    queryCatalog: async <R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await catalogRows.query<R>(sql, [...values])).rows,
    async held(orderId) {
      const ledgers = await Promise.all(
        [gatewayA, gatewayB].map((gateway) => gateway.request("GET", "/ledger")),
      );
      return ledgers
        .flatMap(({ body }) => body as { orderId: string; status: string; captures: number }[])
        .filter((row) => row.orderId === orderId)
        .map(({ status, captures }) => `${status} ${captures}`);
    },
    async mailsOf(orderId) {
      const { body } = await smtp.request("GET", "/mailbox");
      return (body as { orderId: string; subject: string }[]).filter(
        (mail) => mail.orderId === orderId && mail.subject === "order-confirmed",
      ).length;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
