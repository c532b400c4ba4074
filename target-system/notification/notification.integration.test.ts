import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { TestService } from "../service-kit/service.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { event, metric, startPost, tell, type Post } from "./notification.fixture.ts";

/** One message a change, whatever fails and whoever dies. */

const stack = new AsyncDisposableStack();
let post: Post;
let notification: TestService;
/** A second replica, once there is one. */
let other: TestService;

/** As the first version left it: a mail to be sent, one that will never be, and one that was a month ago. */
const earlier = `
create table inbox (event_id text primary key, received_at timestamptz not null default now());
create table messages (
  event_id text not null references inbox, channel text not null check (channel in ('email', 'sms')),
  order_id text not null, user_id text not null, total_cents int not null,
  status text not null default 'due' check (status in ('due', 'sent', 'skipped', 'refused')),
  attempts int not null default 0, due_at timestamptz not null default now(), traceparent text, baggage text,
  created_at timestamptz not null default now(), primary key (event_id, channel)
);
insert into inbox (event_id) values ('old-1'), ('old-2');
insert into inbox values ('old-3', now() - interval '31 days');
insert into messages (event_id, channel, order_id, user_id, total_cents, status, attempts) values
  ('old-1', 'email', 'earlier-1', 'user-001', 100, 'due', 0),
  ('old-2', 'email', 'earlier-2', 'user-001', 100, 'refused', 1),
  ('old-3', 'email', 'earlier-3', 'user-001', 100, 'sent', 1);
`;

beforeAll(async () => {
  post = stack.use(await startPost(earlier));
  notification = await post.start();
});
beforeEach(() => post.mend());
afterAll(() => stack.disposeAsync());

async function statusOf(orderId: string, channel = "email"): Promise<string | undefined> {
  const [row] = await post.query<{ status: string }>(
    "select status from messages where order_id = $1 and channel = $2",
    [orderId, channel],
  );
  return row?.status;
}

/** A message is being sent there. */
const isUnderWay = async (orderId: string): Promise<boolean> =>
  (
    await post.query("select 1 from messages where order_id = $1 and channel = 'email' and claims = 1", [
      orderId,
    ])
  ).length === 1;

it("what an older version left is sent, a dead letter, or forgotten after a month", async () => {
  await waitFor("the mail", async () => (await post.mails("earlier-")).length === 1);
  const { body } = await notification.as("operator").request("GET", "/dead-letters");
  expect(body).toMatchObject({
    total: 1,
    deadLetters: [{ orderId: "earlier-2", why: "refused", attempts: 1 }],
  });
  await waitFor("what is old to be forgotten", async () => (await statusOf("earlier-3")) === undefined);
  expect(await post.query("select event_id from inbox order by 1")).toEqual([
    { event_id: "old-1" },
    { event_id: "old-2" },
  ]);
});

it("an event told three times is one mail and, where there is a phone, one SMS", async () => {
  const suppressed = async (): Promise<number> =>
    (await metric(notification, "idempotency_duplicates_suppressed_total", "POST /events")) ?? 0;
  const before = await suppressed();
  for (const userId of ["user-001", "user-002"]) {
    const told = event(`thrice-${userId}`, { userId });
    const statuses = await Promise.all([told, told, told].map((each) => tell(notification, each)));
    expect(statuses).toEqual([204, 204, 204]);
  }
  expect((await suppressed()) - before).toBe(4);
  await waitFor("everything to be settled", async () => {
    const open = await post.query("select 1 from messages where order_id like 'thrice-%' and status = 'due'");
    return open.length === 0;
  });
  expect(
    (await post.mails("thrice-")).map(({ to, subject, deliveries }) => [to, subject, deliveries]).sort(),
  ).toEqual([
    ["user-001@shop.example", "order-confirmed", 1],
    ["user-002@shop.example", "order-confirmed", 1],
  ]);
  // Every second seeded user has a phone.
  expect(
    (await post.texts("thrice-")).map(({ to, subject, deliveries }) => [to, subject, deliveries]),
  ).toEqual([["+490000000002", "order-confirmed", 1]]);
  expect(notification.log()).not.toMatch(/@shop\.example|0000000002/);
});

it("all changes of an order are told in words, in their order, also while the first one is refused", async () => {
  const userId = await post.register({ email: "later-2+order@shop.example", phone: "+49 30 5550001" });
  const changes = ["order.confirmed", "order.cancelled", "order.refunded"] as const;
  for (const [index, type] of changes.entries())
    await tell(notification, event("in-order", { userId, type, sequence: index + 2 }));
  await tell(notification, event("in-order-declined", { userId, type: "order.declined", sequence: 2 }));
  const subjects = ["order-confirmed", "order-cancelled", "order-refunded"];
  const mails = await waitFor("all mails", async () => {
    const arrived = await post.mails("in-order");
    return arrived.length === 4 && arrived;
  });
  expect(mails.filter(({ orderId }) => orderId === "in-order").map(({ subject }) => subject)).toEqual(
    subjects,
  );
  const [confirmed] = mails.filter(({ subject }) => subject === "order-confirmed");
  expect(confirmed).toMatchObject({ title: "Your order in-order is confirmed", deliveries: 1 });
  expect(confirmed?.text).toContain("Dear Anna <b>Bold</b>,");
  expect(confirmed?.text).toContain("over €1,234.50 is confirmed");
  expect(confirmed?.text).toContain("3 × p-0001");
  const texts = await waitFor("all texts", async () => {
    const arrived = await post.texts("in-order");
    return arrived.length === 4 && arrived;
  });
  expect(texts.filter(({ orderId }) => orderId === "in-order").map(({ subject }) => subject)).toEqual(
    subjects,
  );
  expect(texts[0]?.to).toBe("+49305550001");
  expect(texts[0]?.text).toBe("Your order in-order over €1,234.50 is confirmed.");
});

it("a mail server that is down, and one that takes mails but is not heard, cost no mail and double none", async () => {
  post.edges.smtp.become({ kind: "cut" });
  for (let n = 1; n <= 10; n += 1) await tell(notification, event(`unheard-${n}`));
  await waitFor("a failed mail", async () => ((await metric(notification, "retried", "email")) ?? 0) > 0);
  expect(await metric(notification, "notification_unsent{", "email")).toBe(10);
  expect(await metric(notification, "oldest_unsent_seconds", "email")).toBeGreaterThan(0);
  post.edges.smtp.become({ kind: "swallow-answers", to: ".\r\n" }); // from the end of a mail on
  await waitFor(
    "a mail that is not heard to be accepted",
    async () => (await post.mails("unheard-")).length > 0,
  );
  for (let n = 11; n <= 30; n += 1) await tell(notification, event(`unheard-${n}`));
  post.edges.smtp.become({ kind: "pass" });
  await waitFor("all mails", async () => (await post.mails("unheard-")).length === 30);
  // A mail accepted unheard comes again, under the same id.
  const mails = await waitFor("a repeat", async () => {
    const arrived = await post.mails("unheard-");
    return arrived.some(({ deliveries }) => deliveries > 1) && arrived;
  });
  expect(new Set(mails.map(({ orderId }) => orderId)).size).toBe(mails.length);
  await waitFor(
    "nothing to wait",
    async () => (await metric(notification, "notification_unsent{", "email")) === 0,
  );
  expect(await metric(notification, "oldest_unsent_seconds", "email")).toBe(0);
});

it("a mail server that is down is asked now and then, however many mails wait", async () => {
  const retried = async (): Promise<number> => (await metric(notification, "retried", "email")) ?? 0;
  const before = await retried();
  post.edges.smtp.become({ kind: "cut" });
  await Promise.all(Array.from({ length: 100 }, (_, n) => tell(notification, event(`storm-${n}`))));
  await waitFor("all lanes to have failed", async () => (await retried()) - before >= 8);
  const failedMs = performance.now();
  await waitFor("four tries more", async () => (await retried()) - before >= 12);
  expect(performance.now() - failedMs).toBeGreaterThan(500);
  post.edges.smtp.become({ kind: "pass" });
  await waitFor("all mails", async () => (await post.mails("storm-")).length === 100);
});

it("an SMS whose answer is lost reaches the phone once", async () => {
  post.edges.sms.become({ kind: "swallow-answers", to: "unheard-sms" });
  await tell(notification, event("unheard-sms", { userId: "user-002" }));
  await waitFor("the SMS to come again", async () => (await post.texts("unheard-sms"))[0]?.deliveries === 2);
  post.edges.sms.become({ kind: "pass" });
  await waitFor("it to be settled", async () => (await statusOf("unheard-sms", "sms")) === "sent");
  expect(await post.texts("unheard-sms")).toHaveLength(1);
});

it("a mail that was accepted is not sent again because the database is away for a while", async () => {
  post.edges.smtp.become({ kind: "delay", requestsMs: 100 });
  await tell(notification, event("unwritten"));
  await waitFor("the mail to be under way", () => isUnderWay("unwritten"));
  post.edges["notification-db"].become({ kind: "cut" });
  await waitFor("the mail", async () => (await post.mails("unwritten")).length === 1);
  await waitFor("a try to write", () => notification.log().includes("could not be written down yet"));
  expect(await statusOf("unwritten")).toBe("due");
  // What cannot be known is not told, and costs the scrape nothing.
  expect(await metric(notification, "notification_unsent{", "email")).toBeUndefined();
  expect(await metric(notification, "notification_sent_total", "email")).toBeGreaterThan(0);
  post.edges["notification-db"].become({ kind: "pass" });
  await waitFor("it to be settled", async () => (await statusOf("unwritten")) === "sent");
  expect(await post.mails("unwritten")).toMatchObject([{ deliveries: 1 }]);
});

it("two replicas that are told everything twice send each message once, and share the work", async () => {
  other = await post.start();
  const replicas = [notification, other];
  const sentBy = (): Promise<readonly number[]> =>
    Promise.all(
      replicas.map(async (replica) => (await metric(replica, "notification_sent_total", "email")) ?? 0),
    );
  const before = await sentBy();
  await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const told = event(`shared-${n}`);
      await Promise.all(replicas.map((replica) => tell(replica, told)));
    }),
  );
  await waitFor("all mails", async () => (await post.mails("shared-")).length === 60);
  await waitFor("nothing to wait", async () => (await metric(other, "notification_unsent{", "email")) === 0);
  expect((await post.mails("shared-")).map(({ deliveries }) => deliveries)).toEqual(Array(60).fill(1));
  const after = await sentBy();
  const sent = after.map((total, index) => total - (before[index] ?? 0));
  expect(sent.reduce((sum, each) => sum + each, 0)).toBe(60);
  expect(Math.min(...sent)).toBeGreaterThan(0);
});

it("a process killed with mails unsent leaves them to the other one", async () => {
  post.edges.smtp.become({ kind: "cut" });
  for (let n = 1; n <= 5; n += 1) expect(await tell(notification, event(`killed-${n}`))).toBe(204);
  await notification.stop("SIGKILL");
  post.edges.smtp.become({ kind: "pass" });
  notification = other;
  await waitFor("all mails", async () => (await post.mails("killed-")).length === 5);
});

it("an event about nothing we tell, and a user who is gone, lead to no message", async () => {
  expect(await tell(notification, { type: "order.shipped" })).toBe(204);
  expect(await tell(notification, { ...event("other"), type: "order.placed", totalCents: null })).toBe(204);
  expect(await tell(notification, event("gone", { userId: "nobody" }))).toBe(204);
  await waitFor("what is skipped", async () => (await statusOf("gone")) === "skipped");
  expect(await statusOf("gone", "sms")).toMatch(/due|skipped/);
  expect([...(await post.mails("other")), ...(await post.mails("gone"))]).toEqual([]);
  expect(await statusOf("other")).toBeUndefined();
  expect(await metric(notification, "notification_skipped_total", "email")).toBe(1);
});

it("an event that says less than it must is refused", async () => {
  for (const wrong of [
    { id: "1" },
    { orderId: "a\r\nBcc: x@y" },
    { sequence: 0 },
    { sequence: undefined },
    { userId: "" },
    { totalCents: "much" },
  ])
    expect(await tell(notification, { ...event("wrong"), ...wrong })).toBe(400);
  expect(await statusOf("wrong")).toBeUndefined();
});

it("an address that looks like a list is one address", async () => {
  const userId = await post.register({ email: "someone,user-003@shop.example" });
  await tell(notification, event("list", { userId }));
  await waitFor("it to be settled", async () => (await statusOf("list")) !== "due");
  expect((await post.mails("list")).map(({ to }) => to)).not.toContain("user-003@shop.example");
});

it("a process that is stopped ends what it is sending, and writes it down", async () => {
  post.edges.smtp.become({ kind: "delay", requestsMs: 100 });
  await tell(notification, event("stopped"));
  await waitFor("the mail to be under way", () => isUnderWay("stopped"));
  expect(await statusOf("stopped")).toBe("due");
  expect(await notification.stop("SIGTERM")).toBe(0);
  expect(await statusOf("stopped")).toBe("sent");
  expect(await post.mails("stopped")).toMatchObject([{ deliveries: 1 }]);
});

it("without idempotency an event told twice is two mails and two SMS: what the pattern is worth can be seen", async () => {
  await using careless = await post.start({ PATTERNS: "full,-idempotency" });
  const told = event("careless", { userId: "user-002" });
  expect([await tell(careless, told), await tell(careless, told)]).toEqual([204, 204]);
  await waitFor("both mails", async () => (await post.mails("careless")).length === 2);
  await waitFor("both texts", async () => (await post.texts("careless")).length === 2);
  const unheard = event("careless-unheard");
  post.edges.smtp.become({ kind: "swallow-answers", to: ".\r\n" });
  await tell(careless, unheard);
  await waitFor("a mail that is not heard", async () => (await post.mails("careless-unheard")).length > 0);
  post.edges.smtp.become({ kind: "pass" });
  await waitFor("another one", async () => (await post.mails("careless-unheard")).length === 2);
});
