import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { Mailbox, readLetter } from "./mailbox.ts";

const mail = {
  messageId: "<1@shop>",
  to: "a@b",
  subject: "order-confirmed",
  title: "Your order",
  text: "first",
  orderId: "o",
};

it("a repeated Message-ID is one mail, delivered twice and read as it came first", () => {
  const mailbox = new Mailbox();
  mailbox.receive(mail);
  mailbox.receive({ ...mail, text: "second" });
  mailbox.receive({ ...mail, messageId: "<2@shop>" });
  expect(mailbox.mails().map(({ text, deliveries }) => [text, deliveries])).toEqual([
    ["first", 2],
    ["first", 1],
  ]);
});

it("a mail is known in the mailbox of its recipient alone", () => {
  const mailbox = new Mailbox();
  for (const to of ["a@b", "c@d"]) mailbox.receive({ ...mail, to });
  expect(mailbox.mails().map(({ to, deliveries }) => [to, deliveries])).toEqual([
    ["a@b", 1],
    ["c@d", 1],
  ]);
});

it("a message is read across folds, chunks and encodings, and its headers never out of its body", async () => {
  const raw = [
    "Message-ID:",
    " <1@shop>",
    "Subject: =?UTF-8?Q?Your_caf=C3=A9?=",
    "X-Order-Id: o-1",
    'Content-Type: multipart/alternative; boundary="part"',
    "",
    "X-Template: not a header",
    "--part",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "X-Template: not one either, =E2=82=AC1 for every=",
    "body",
    "--part",
    "Content-Type: text/html; charset=utf-8",
    "",
    "<p>no</p>",
    "--part--",
    "",
  ].join("\r\n");
  const [head, tail] = [Buffer.from(raw).subarray(0, 20), Buffer.from(raw).subarray(20)];
  expect(await readLetter(Readable.from([head, tail]))).toEqual({
    messageId: "<1@shop>",
    subject: "Your café",
    title: "Your café",
    text: "X-Template: not one either, €1 for everybody\n",
    orderId: "o-1",
  });
});
