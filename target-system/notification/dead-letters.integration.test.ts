import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { TestService } from "../service-kit/service.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { Messages } from "./messages.ts";
import { event, metric, startPost, tell, type Post } from "./notification.fixture.ts";

/** What is given up, why, and how it is tried again. */

const maxAttempts = 3;

const stack = new AsyncDisposableStack();
let post: Post;
let notification: TestService;

beforeAll(async () => {
  post = stack.use(await startPost());
  notification = await post.start({ MESSAGE_ATTEMPTS: String(maxAttempts) });
});
beforeEach(() => post.mend());
afterAll(() => stack.disposeAsync());

interface Page {
  readonly deadLetters: readonly DeadLetter[];
  readonly total: number;
}

async function deadLetters(query = ""): Promise<Page> {
  const { status, body } = await notification.as("operator").request("GET", `/dead-letters${query}`);
  expect(status).toBe(200);
  return body as Page;
}

const deadOf = (orderId: string): Promise<DeadLetter> =>
  waitFor(`a dead letter of ${orderId}`, async () =>
    (await deadLetters()).deadLetters.find((each) => each.orderId === orderId),
  );

const replay = (id: string) => notification.as("operator").request("POST", `/dead-letters/${id}/replay`);

it("a mail that is refused for good is dead at once, says why but not for whom, and lets later ones pass", async () => {
  const userId = await post.register({ email: "refused+anna@shop.example" });
  const told = event("refused", { userId });
  await tell(notification, told);
  const dead = await deadOf("refused");
  expect(dead).toMatchObject({
    channel: "email",
    type: "order.confirmed",
    eventId: told.id,
    userId,
    why: "smtp: EENVELOPE 550",
    attempts: 1,
  });
  await tell(notification, event("refused", { userId, type: "order.cancelled", sequence: 3 }));
  await waitFor("the next one of the order", async () => (await deadLetters()).total === 2);
  expect(await metric(notification, "notification_dead_total", 'why="refused"', "email")).toBe(2);
  expect(await metric(notification, "notification_dead_letters", "email")).toBe(2);
  expect(notification.log()).not.toContain("anna");
});

it("a mail that is refused for now is dead after so many attempts, and sent when it is replayed", async () => {
  const userId = await post.register({ email: `later-${maxAttempts + 1}@shop.example` });
  await tell(notification, event("busy", { userId }));
  const dead = await deadOf("busy");
  expect(dead).toMatchObject({ why: "smtp: EENVELOPE 451", attempts: maxAttempts });
  expect(await metric(notification, "notification_retried_total", "email")).toBe(maxAttempts - 1);
  expect(await metric(notification, "notification_dead_total", 'why="attempts"', "email")).toBe(1);
  expect(await post.mails("busy")).toEqual([]);

  expect(await replay(dead.id)).toEqual({ status: 202, body: { replayed: 1 } });
  await waitFor("the mail", async () => (await post.mails("busy")).length === 1);
  expect(await replay(dead.id)).toEqual({ status: 202, body: { replayed: 0 } });
  expect((await deadLetters()).deadLetters.map(({ orderId }) => orderId)).not.toContain("busy");
  expect(await post.mails("busy")).toMatchObject([
    { messageId: `<${dead.eventId}@shop.example>`, deliveries: 1 },
  ]);
});

it("an SMS to a number that is none is dead, and sent to the right one once it is replayed", async () => {
  const userId = await post.register({ email: "numbers@shop.example", phone: "030 12345" });
  await tell(notification, event("number", { userId }));
  const dead = await deadOf("number");
  expect(dead).toMatchObject({ channel: "sms", why: "sms: 422", attempts: 1 });
  const change = await post.user
    .as("gateway", userId)
    .request("PATCH", `/users/${userId}/profile`, { phone: "+49 30 12345" });
  expect(change.status).toBe(200);
  expect(await replay(dead.id)).toEqual({ status: 202, body: { replayed: 1 } });
  await waitFor("the SMS", async () => (await post.texts("number")).length === 1);
  expect(await post.texts("number")).toMatchObject([{ to: "+493012345", deliveries: 1 }]);
});

it("all dead letters of a channel are replayed at once, and no others", async () => {
  const userId = await post.register({ email: "all-numbers@shop.example", phone: "030 54321" });
  const orders = ["all-1", "all-2", "all-3"];
  for (const orderId of orders) await tell(notification, event(orderId, { userId }));
  await waitFor("all to be dead", async () => (await deadLetters("?channel=sms")).total === 3);
  const mailsDead = (await deadLetters("?channel=email")).total;
  expect(mailsDead).toBeGreaterThan(0);
  await post.user
    .as("gateway", userId)
    .request("PATCH", `/users/${userId}/profile`, { phone: "+49 30 54321" });
  const replayAll = () =>
    notification.as("operator").request("POST", "/dead-letters/replay", { channel: "sms" });
  expect(await replayAll()).toEqual({ status: 202, body: { replayed: 3 } });
  await waitFor("all texts", async () => (await post.texts("all-")).length === 3);
  expect(await replayAll()).toEqual({ status: 202, body: { replayed: 0 } });
  expect((await deadLetters()).total).toBe(mailsDead);
});

it("a replayed message goes to where its user is reached by then, also when another one has just asked", async () => {
  const userId = await post.register({ email: "moved@shop.example", phone: "030 12345" });
  await tell(notification, event("moved", { userId }));
  const dead = await deadOf("moved");
  post.edges.sms.become({ kind: "cut" });
  await tell(notification, event("asks", { userId }));
  await waitFor("the mail of the other", async () => (await post.mails("asks")).length === 1);
  const other = await deadOf("asks");
  post.edges.sms.become({ kind: "pass" });
  await post.user
    .as("gateway", userId)
    .request("PATCH", `/users/${userId}/profile`, { phone: "+49 30 12345" });
  expect(await replay(dead.id)).toEqual({ status: 202, body: { replayed: 1 } });
  await waitFor("the SMS", async () => (await post.texts("moved")).length === 1);
  expect(await replay(other.id)).toEqual({ status: 202, body: { replayed: 1 } });
  await waitFor("the other one's", async () => (await post.texts("asks")).length === 1);
});

it("while the user service is down messages wait, and it costs them no attempt", async () => {
  post.edges.user.become({ kind: "cut" });
  await tell(notification, event("waits", { userId: "user-004" }));
  const waits = (): number => notification.log().split('"why":"user: ').length - 1;
  await waitFor("more tries than attempts", () => waits() > 2 * (maxAttempts + 1));
  expect(await post.query("select distinct attempts, status from messages where order_id = 'waits'")).toEqual(
    [{ attempts: 0, status: "due" }],
  );
  post.edges.user.become({ kind: "pass" });
  await waitFor(
    "the mail and the SMS",
    async () => [...(await post.mails("waits")), ...(await post.texts("waits"))].length === 2,
  );
});

it("a message with which its process died each time is dead", async () => {
  await post.query(
    `with received as (insert into inbox values ($1) returning event_id)
     insert into messages (event_id, channel, order_id, user_id, attempts)
     select event_id, 'email', 'deadly', 'user-001', $2 from received`,
    [randomUUID(), maxAttempts],
  );
  expect(await deadOf("deadly")).toMatchObject({ why: "no attempt was heard to end" });
  expect(await post.mails("deadly")).toEqual([]);
});

it("dead letters are read page by page, the newest first, and what there is none of is not found", async () => {
  await post.query(
    `with received as (insert into inbox select 'page-' || n from generate_series(1, 60) n returning event_id),
     dead as (
       insert into messages (event_id, channel, order_id, user_id, status)
       select event_id, 'email', event_id, 'user-001', 'dead' from received
     )
     insert into dead_letters (event_id, channel, why, attempts, died_at)
     select 'page-' || n, 'email', 'test', 1, now() + n * interval '1 s' from generate_series(1, 60) n`,
  );
  const [first, second] = [await deadLetters("?page=1"), await deadLetters("?page=2")];
  expect(first.deadLetters.map(({ orderId }) => orderId)).toEqual(
    Array.from({ length: 50 }, (_, index) => `page-${60 - index}`),
  );
  expect(second.deadLetters.slice(0, 10).map(({ orderId }) => orderId)).toEqual(
    Array.from({ length: 10 }, (_, index) => `page-${10 - index}`),
  );
  expect(second.deadLetters).toHaveLength(first.total - 50);
  expect((await replay(randomUUID())).status).toBe(404);
  expect((await replay("1 or 1=1")).status).toBe(400);
  for (const body of [{ channel: "fax" }, {}])
    expect((await notification.as("operator").request("POST", "/dead-letters/replay", body)).status).toBe(
      400,
    );
});

it("who has lost the lease of a message can say that it was sent, but no longer that it was not", async () => {
  await notification.stop();
  await post.query(
    `with received as (insert into inbox values ('leased') returning event_id)
     insert into messages (event_id, channel, order_id, user_id) select event_id, 'sms', 'leased', 'user-002' from received`,
  );
  const messages = new Messages(post.query);
  const claim = async (leaseMs: number) => (await messages.claim("sms", 1, leaseMs, []))[0];
  const [first, second] = [await claim(0), await claim(60_000)];
  if (first === undefined || second === undefined)
    throw new Error("expected the message to be claimed twice");
  expect(await claim(60_000)).toBeUndefined();
  const row = (): Promise<unknown> =>
    post.query("select attempts, status, due_at from messages where event_id = 'leased'");
  const held = await row();
  await messages.postponed(first, { firstMs: 0, mostMs: 0 });
  await messages.held(first, 0);
  expect(await messages.died(first, "too late")).toBe(false);
  expect(await row()).toEqual(held);
  expect(await messages.settled(first, "sent")).toBe(true);
  expect(await messages.settled(second, "sent")).toBe(false);
  expect(await messages.died(second, "it was sent")).toBe(false);
});
