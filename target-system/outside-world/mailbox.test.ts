import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { Mailbox, readHeaders } from "./mailbox.ts";

it("a repeated Message-ID is one mail, delivered twice", () => {
  const mailbox = new Mailbox();
  const mail = { messageId: "<1@shop>", to: "a@b", subject: "order-confirmed", orderId: "o" };
  mailbox.receive(mail);
  mailbox.receive(mail);
  mailbox.receive({ ...mail, messageId: "<2@shop>" });
  expect(mailbox.mails().map(({ deliveries }) => deliveries)).toEqual([2, 1]);
});

it("headers are read across folds and chunks, and never out of the body", async () => {
  const raw = "Message-ID:\r\n <1@shop>\r\nX-Order-Id: o-1\r\n\r\nX-Template: not a header\r\n";
  const headers = await readHeaders(
    Readable.from([Buffer.from(raw.slice(0, 20)), Buffer.from(raw.slice(20))]),
  );
  expect([...headers]).toEqual([
    ["message-id", "<1@shop>"],
    ["x-order-id", "o-1"],
  ]);
});
