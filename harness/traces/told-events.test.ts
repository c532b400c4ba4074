import { expect, test } from "vitest";
import { toldEvents } from "./told-events.ts";

const event = (name: string, attributes?: Readonly<Record<string, string | number | boolean>>) => ({
  name,
  atMs: 5,
  ...(attributes && { attributes }),
});

test("an event is told with what of its attributes a reader needs", () => {
  expect(
    toldEvents({
      events: [
        event("retry", {
          "shop.callee": "payment",
          "shop.attempt": 2,
          "shop.reason": "timeout",
          "shop.backoff_ms": 34,
        }),
        event("shed"),
      ],
    }),
  ).toEqual([
    { name: "retry", atMs: 5, detail: "callee payment, attempt 2, reason timeout, backoff 34 ms" },
    { name: "shed", atMs: 5 },
  ]);
});

test("nothing is told that is not known to be harmless: an exception its type, not its message", () => {
  const events = [
    event("exception", {
      "exception.type": "Error",
      "exception.message": "card 4242424242424242 declined",
      "exception.stacktrace": "at pay (/srv/payment.ts:1)",
      authorization: "Bearer secret",
    }),
  ];
  expect(toldEvents({ events })).toEqual([{ name: "exception", atMs: 5, detail: "type Error" }]);
});

test("a chatty span is bounded: eight events, each of its texts cut", () => {
  const long = "x".repeat(500);
  const told = toldEvents({
    events: Array.from({ length: 50 }, () => event(long, { "a.reason": long, "b.state": long })),
  });
  expect(told).toHaveLength(8);
  for (const { name, detail = "" } of told) expect(name.length + detail.length).toBeLessThan(200);
});

test("events come by time", () => {
  const events = [
    { name: "later", atMs: 9 },
    { name: "first", atMs: 1 },
  ];
  expect(toldEvents({ events }).map(({ name }) => name)).toEqual(["first", "later"]);
});
