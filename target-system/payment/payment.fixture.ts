import pg from "pg";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";

/** The payment service between its database and both gateways, with a relay on each edge to a gateway. */
export interface TestPayment extends AsyncDisposable {
  readonly payment: TestService;
  readonly gateways: Readonly<Record<"a" | "b", TestService>>;
  readonly toA: TcpRelay;
  readonly toB: TcpRelay;
  readonly database: pg.Pool;
  /** Another instance on the same database and gateways. */
  startAnother(env: Readonly<Record<string, string>>): Promise<TestService>;
  pay(orderId: string, more?: PaymentWish): Promise<{ readonly status: number; readonly body: unknown }>;
  /** What both gateways hold for an order: `gateway-a captured 1` (times captured). */
  held(orderId: string): Promise<string[]>;
  ledger(): Promise<LedgerRow[]>;
  /** The value of the first sample whose line starts so; 0 when there is none. */
  metric(start: string, of?: TestService): Promise<number>;
}

export interface PaymentWish {
  readonly amountCents?: number;
  readonly userId?: string;
  readonly cardId?: string;
  readonly at?: TestService;
}

export interface LedgerRow {
  readonly gateway: string;
  readonly reference: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly status: string;
  readonly captures: number;
  readonly refundedCents: number;
}

export async function startTestPayment(env: Readonly<Record<string, string>> = {}): Promise<TestPayment> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startPostgres());
  const url = await postgres.database("payment");
  const database = starting.adopt(new pg.Pool({ connectionString: url, max: 2 }), (pool) => pool.end());
  const gatewayEnv = { ANSWER_MEDIAN_MS: "0", LATE_ANSWER_MS: "1500" };
  const [a, b] = await Promise.all([
    startTestService({ main: "outside-world/gateway-a.ts", env: gatewayEnv }),
    startTestService({ main: "outside-world/gateway-b.ts", env: gatewayEnv }),
  ]);
  starting.use(a);
  starting.use(b);
  const toA = starting.use(await startTcpRelay(portOf(a)));
  const toB = starting.use(await startTcpRelay(portOf(b)));
  const start = (more: Readonly<Record<string, string>>): Promise<TestService> =>
    startTestService({
      main: "payment/main.ts",
      env: {
        DATABASE_URL: url,
        GATEWAY_A_URL: `http://127.0.0.1:${toA.port}`,
        GATEWAY_B_URL: `http://127.0.0.1:${toB.port}`,
        ...env,
        ...more,
      },
    });
  const payment = starting.use(await start({}));
  const ledger = async (): Promise<LedgerRow[]> => {
    const answers = await Promise.all([a, b].map((gateway) => gateway.request("GET", "/ledger")));
    return answers.flatMap(({ body }) => body as LedgerRow[]);
  };
  const started = starting.move();
  const test: TestPayment = {
    payment,
    gateways: { a, b },
    toA,
    toB,
    database,
    startAnother: start,
    pay: (orderId, { at = payment, amountCents = 500, userId = "user-001", ...card } = {}) =>
      at.as("order", userId).request("POST", "/payments", { orderId, amountCents, ...card }),
    held: async (orderId) =>
      (await ledger())
        .filter((row) => row.orderId === orderId)
        .map(({ gateway, status, captures }) => `${gateway} ${status} ${captures}`),
    ledger,
    async metric(line, of = payment) {
      const text = await (await fetch(`${of.url}/metrics`)).text();
      const found = text.split("\n").find((each) => each.startsWith(line));
      return found === undefined ? 0 : Number(found.slice(found.lastIndexOf(" ")));
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
  await test.pay("first"); // what a process does for the first time takes longest
  return test;
}

const portOf = ({ url }: TestService): number => Number(new URL(url).port);
