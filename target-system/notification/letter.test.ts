import fc from "fast-check";
import { expect, it } from "vitest";
import { letterOf } from "./letter.ts";
import { toldTypes, type Message } from "./message.ts";
import { templateName, templates } from "./templates/templates.ts";

const message: Message = {
  eventId: "e",
  channel: "email",
  type: "order.confirmed",
  orderId: "1a2b3c4d-5e6f-7000-8000-000000000000",
  userId: "u",
  totalCents: 123_450,
  items: [
    { productId: "p-0001", quantity: 3 },
    { productId: "p-0002", quantity: 1 },
  ],
  reason: null,
  traceparent: null,
  baggage: null,
  attempts: 1,
  claim: "1",
};

it("a letter says in text what was ordered and what it costs", () => {
  expect(letterOf(message, "Anna").text).toBe(
    `Dear Anna,

Thank you: your order 1a2b3c4d over €1,234.50 is confirmed and paid.

We write again if anything about it changes.

  3 × p-0001
  1 × p-0002

Your shop
`,
  );
});

it("nothing that a user wrote becomes markup, and the text has it as it is", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...toldTypes),
      fc.string({ unit: fc.constantFrom(..."<>&\"'/ab") }),
      fc.string({ unit: fc.constantFrom(..."<>&\"'/ab"), minLength: 1 }),
      (type, name, productId) => {
        const plain = letterOf({ ...message, type, items: [{ productId: "", quantity: 1 }] }, "");
        const { html, text } = letterOf({ ...message, type, items: [{ productId, quantity: 1 }] }, name);
        const tagsOf = (markup: string): readonly string[] => markup.match(/<[^>]*>?/g) ?? [];
        expect(tagsOf(html)).toEqual(tagsOf(plain.html));
        expect(html.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, "")).not.toMatch(/[&]/);
        expect(text).toContain(`Dear ${name},`);
        expect(text).toContain(`1 × ${productId}`);
      },
    ),
  );
});

it.each(toldTypes)("%s is told with and without an amount, in subjects of one line", (type) => {
  for (const totalCents of [123_450, null]) {
    const { subject, text, html } = letterOf({ ...message, type, totalCents }, "Anna");
    expect(subject).toContain("rder 1a2b3c4d");
    expect(subject).not.toContain("\n");
    for (const body of [text, html]) {
      expect(body).not.toMatch(/null|undefined|NaN/);
      expect(body).toContain("your order 1a2b3c4d".slice(1));
    }
    expect(text.includes("€1,234.50")).toBe(totalCents !== null);
  }
});

it.each([
  ["order.declined", "no-card", "was declined, since there is no card on your account."],
  ["order.declined", "toString", "was declined."],
  ["order.cancelled", "cancelled-by-customer", "is cancelled, since you asked us to."],
  ["order.cancelled", "out-of-stock", "is cancelled, since something in it is sold out."],
  ["order.cancelled", "database-unavailable", "is cancelled."],
] as const)("%s for %s: %s", (type, reason, expected) => {
  expect(letterOf({ ...message, type, reason }, "Anna").text).toContain(expected);
});

/** GSM 03.38: what of its alphabet is in ASCII, and the euro, which counts as two. */
const gsm = /^[ -_a-~€]*$/;

it("an SMS is one: of 160 of its characters, whatever the amount", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...toldTypes),
      fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      fc.uuid(),
      (type, totalCents, orderId) => {
        const text = templates[type].sms({ ...message, orderId, totalCents });
        expect(text).toMatch(gsm);
        expect(text.replaceAll("€", "€€").length).toBeLessThanOrEqual(160);
        expect(text).not.toMatch(/null|NaN/);
      },
    ),
  );
});

it("a kind of message has one name outside", () => {
  expect(toldTypes.map(templateName)).toEqual([
    "order-confirmed",
    "order-declined",
    "order-cancelled",
    "order-refunded",
  ]);
});
