import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { freePort, startPostgres } from "../service-kit/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

interface Mail {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly orderId: string;
  readonly deliveries: number;
}

const stack = new AsyncDisposableStack();
let notification: TestService;
let smtp: TestService;
let sms: TestService;
let toSmtp: TcpRelay;
let start: () => Promise<TestService>;

beforeAll(async () => {
  const postgres = stack.use(await startPostgres());
  const smtpPort = await freePort();
  const [userDatabase, database] = await Promise.all(
    ["user", "notification"].map((name) => postgres.database(name)),
  );
  const user = stack.use(
    await startTestService({ main: "user/main.ts", env: { DATABASE_URL: userDatabase ?? "" } }),
  );
  smtp = stack.use(
    await startTestService({ main: "outside-world/smtp.ts", env: { SMTP_PORT: String(smtpPort) } }),
  );
  sms = stack.use(await startTestService({ main: "outside-world/sms.ts", env: {} }));
  toSmtp = stack.use(await startTcpRelay(smtpPort));
  start = () =>
    startTestService({
      main: "notification/main.ts",
      env: {
        DATABASE_URL: database ?? "",
        USER_URL: user.url,
        SMS_URL: sms.url,
        SMTP_URL: `smtp://127.0.0.1:${toSmtp.port}`,
      },
    });
  notification = await start();
  stack.defer(() => notification[Symbol.asyncDispose]());
});

beforeEach(() => toSmtp.become({ kind: "pass" }));
afterAll(() => stack.disposeAsync());

const event = (orderId: string, userId = "user-001") => ({
  id: randomUUID(),
  type: "order.confirmed",
  orderId,
  userId,
  items: [{ productId: "product-001", quantity: 1 }],
  totalCents: 1234,
  at: new Date().toISOString(),
});

const tell = async (body: object): Promise<number> =>
  (await notification.as("order").request("POST", "/events", body)).status;

async function mailsOf(prefix: string): Promise<readonly Mail[]> {
  const { body } = await smtp.request("GET", "/mailbox");
  return (body as Mail[]).filter(({ orderId }) => orderId.startsWith(prefix));
}

async function smsOf(reference: string): Promise<readonly { readonly deliveries: number }[]> {
  const { body } = await sms.request("GET", "/messages");
  return (body as { reference: string; deliveries: number }[]).filter(
    (message) => message.reference === reference,
  );
}

it("an event told three times is one mail and, where there is a phone, one SMS", async () => {
  const contacts = await Promise.all(
    ["user-001", "user-002"].map(async (userId) => {
      const told = event(`thrice-${userId}`, userId);
      expect(await Promise.all([tell(told), tell(told), tell(told)])).toEqual([204, 204, 204]);
      return told;
    }),
  );
  const mails = await waitFor("both mails", async () => {
    const arrived = await mailsOf("thrice-");
    return arrived.length === 2 && arrived;
  });
  expect(mails.map(({ subject, deliveries }) => `${subject} ${deliveries}`)).toEqual([
    "order-confirmed 1",
    "order-confirmed 1",
  ]);
  expect(mails.map(({ to }) => to).sort()).toEqual(["user-001@shop.example", "user-002@shop.example"]);
  // Every second seeded user has a phone.
  const texts = await waitFor("the SMS", async () => {
    const arrived = (await Promise.all(contacts.map(({ id }) => smsOf(id)))).flat();
    return arrived.length > 0 && arrived;
  });
  expect(texts.map(({ deliveries }) => deliveries)).toEqual([1]);
  expect(notification.log()).not.toContain("@shop.example");
});

it("a mail server that is down, and one that takes mails but is not heard, cost no mail and double none", async () => {
  toSmtp.become({ kind: "cut" });
  for (let n = 1; n <= 10; n += 1) await tell(event(`unheard-${n}`));
  await waitFor("a failed mail", () => notification.log().includes("a message was not sent yet"));
  toSmtp.become({ kind: "swallow-answers", to: ".\r\n" }); // from the end of a mail on
  await waitFor(
    "a mail that is not heard to be accepted",
    async () => (await mailsOf("unheard-")).length > 0,
  );
  for (let n = 11; n <= 30; n += 1) await tell(event(`unheard-${n}`));
  toSmtp.become({ kind: "pass" });
  await waitFor("all mails", async () => (await mailsOf("unheard-")).length === 30);
  // A mail accepted unheard comes again, under the same id.
  const mails = await waitFor("a repeat", async () => {
    const arrived = await mailsOf("unheard-");
    return arrived.some(({ deliveries }) => deliveries > 1) && arrived;
  });
  expect(new Set(mails.map(({ orderId }) => orderId)).size).toBe(mails.length);
});

it("a process killed with mails unsent leaves them to the next one", async () => {
  toSmtp.become({ kind: "cut" });
  for (let n = 1; n <= 5; n += 1) expect(await tell(event(`killed-${n}`))).toBe(204);
  await notification.stop("SIGKILL");
  toSmtp.become({ kind: "pass" });
  notification = await start();
  await waitFor("all mails", async () => (await mailsOf("killed-")).length === 5);
});

it("an event about nothing we tell, and a user who is gone, lead to no message", async () => {
  expect(await tell({ ...event("other"), type: "order.shipped" })).toBe(204);
  expect(await tell(event("gone", "nobody"))).toBe(204);
  expect(await tell(event("seen"))).toBe(204);
  await waitFor("a later mail", async () => (await mailsOf("seen")).length === 1);
  expect([...(await mailsOf("other")), ...(await mailsOf("gone"))]).toEqual([]);
});
