import { expect, it } from "vitest";
import { SmsOutbox, SmsRefusal } from "./sms-outbox.ts";

const request = { to: "+4930123456", text: "confirmed", reference: "o-1", tag: "order-confirmed" };

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof SmsRefusal) return error.code;
    throw error;
  }
  return "none";
};

it("a repeat under its key is the first message, and without a key each one is another", () => {
  const outbox = new SmsOutbox();
  const first = outbox.send(request, "k-1");
  expect(outbox.send(request, "k-1")).toEqual({ ...first, deliveries: 2 });
  outbox.send(request);
  outbox.send(request);
  expect(outbox.messages().map(({ deliveries }) => deliveries)).toEqual([2, 1, 1]);
  expect(outbox.messages()[0]).toMatchObject({ orderId: "o-1", subject: "order-confirmed" });
});

it("a key that is used for another message is refused", () => {
  const outbox = new SmsOutbox();
  outbox.send(request, "k-1");
  expect(refusal(() => outbox.send({ ...request, to: "+4930999999" }, "k-1"))).toBe("key-reused");
  expect(outbox.messages()).toHaveLength(1);
});

it.each(["030123456", "4930123456", "+0930123456", "+49 30 123456", "+123456", "+1234567890123456", ""])(
  "%j is no number, and leaves no message",
  (to) => {
    const outbox = new SmsOutbox();
    expect(refusal(() => outbox.send({ ...request, to }, "k-1"))).toBe("invalid-number");
    expect(outbox.messages()).toEqual([]);
    expect(refusal(() => outbox.send(request, "k-1"))).toBe("none");
  },
);
