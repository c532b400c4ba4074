import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Query, Row } from "../service-kit/database.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import type { ToldType } from "./message.ts";

export interface Mail {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly title: string;
  readonly text: string;
  readonly orderId: string;
  readonly deliveries: number;
}

export type Sms = Omit<Mail, "title">;

/** All that the notification service needs, as processes, with a relay on each edge that leaves it. */
export interface Post extends AsyncDisposable {
  readonly edges: Readonly<Record<"notification-db" | "user" | "smtp" | "sms", TcpRelay>>;
  readonly user: TestService;
  /** Starts a notification service; all share a database. */
  start(env?: Readonly<Record<string, string>>): Promise<TestService>;
  /** Makes a user. @returns the id */
  register(user: { readonly email: string; readonly phone?: string }): Promise<string>;
  /** Reads notification-db past the relay. */
  readonly query: Query;
  /** Of orders whose id begins so, as they came. */
  mails(prefix: string): Promise<readonly Mail[]>;
  texts(prefix: string): Promise<readonly Sms[]>;
  /** All relays work, from now on. */
  mend(): void;
}

/** @param earlier SQL that the database begins with: what an older version left */
export async function startPost(earlier = ""): Promise<Post> {
  await using starting = new AsyncDisposableStack();
  const postgres = starting.use(await startPostgres());
  const smtpPort = await freePort();
  const [userDatabase, database] = [await postgres.database("user"), await postgres.database("notification")];
  const rows = starting.adopt(new pg.Pool({ connectionString: database, max: 2 }), (pool) => pool.end());
  if (earlier !== "") await rows.query(earlier);
  const start = async (main: string, env: Readonly<Record<string, string>>): Promise<TestService> =>
    starting.use(await startTestService({ main, env }));
  const user = await start("user/main.ts", { DATABASE_URL: userDatabase });
  const smtp = await start("outside-world/smtp.ts", { SMTP_PORT: String(smtpPort) });
  const sms = await start("outside-world/sms.ts", {});
  const relayTo = async (port: string | number): Promise<TcpRelay> =>
    starting.use(await startTcpRelay(Number(port)));
  const edges = {
    "notification-db": await relayTo(new URL(database).port),
    user: await relayTo(new URL(user.url).port),
    smtp: await relayTo(smtpPort),
    sms: await relayTo(new URL(sms.url).port),
  };
  const received = async <R extends { readonly orderId: string }>(
    from: TestService,
    path: string,
    prefix: string,
  ): Promise<readonly R[]> =>
    ((await from.request("GET", path)).body as R[]).filter(({ orderId }) => orderId.startsWith(prefix));

  const started = starting.move();
  return {
    edges,
    user,
    start: async (env = {}) => {
      const through = (edge: keyof typeof edges): string => `127.0.0.1:${edges[edge].port}`;
      return started.use(
        await startTestService({
          main: "notification/main.ts",
          env: {
            DATABASE_URL: database.replace(/127\.0\.0\.1:\d+/, through("notification-db")),
            USER_URL: `http://${through("user")}`,
            SMS_URL: `http://${through("sms")}`,
            SMTP_URL: `smtp://${through("smtp")}`,
            ...env,
          },
        }),
      );
    },
    async register({ email, phone }) {
      const { status, body } = await user.as("gateway").request("POST", "/users", {
        email,
        password: "a password",
        name: "Anna <b>Bold</b>",
        ...(phone !== undefined && { phone }),
      });
      if (status !== 201) throw new Error(`not registered: ${status}`);
      return (body as { readonly userId: string }).userId;
    },
    query: async <R extends Row>(sql: string, values: readonly unknown[] = []) =>
      (await rows.query<R>(sql, [...values])).rows,
    mails: (prefix) => received<Mail>(smtp, "/mailbox", prefix),
    texts: (prefix) => received<Sms>(sms, "/messages", prefix),
    mend() {
      for (const relay of Object.values(edges)) relay.become({ kind: "pass" });
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

export function event(
  orderId: string,
  {
    userId = "user-001",
    type = "order.confirmed",
    sequence = 2,
  }: { readonly userId?: string; readonly type?: ToldType; readonly sequence?: number } = {},
) {
  return {
    id: randomUUID(),
    type,
    orderId,
    userId,
    sequence,
    items: [{ productId: "p-0001", quantity: 3 }],
    totalCents: 123_450,
    at: new Date().toISOString(),
  };
}

/** Delivers an event. @returns the status */
export async function tell(service: TestService, body: object): Promise<number> {
  return (await service.as("order").request("POST", "/events", body)).status;
}

/** The value of the first sample whose line has all these parts; undefined when there is none. */
export async function metric(service: TestService, ...parts: readonly string[]): Promise<number | undefined> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const line = text
    .split("\n")
    .find((each) => !each.startsWith("#") && parts.every((part) => each.includes(part)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ")));
}
