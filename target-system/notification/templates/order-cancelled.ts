import { because, capitalised, overTotal, yourOrder } from "./phrase.ts";
import type { Template } from "./template.ts";

const reasons = {
  "cancelled-by-customer": "you asked us to",
  "out-of-stock": "something in it is sold out",
};

export const orderCancelled: Template = {
  subject: (order) => `${capitalised(yourOrder(order))} is cancelled`,
  paragraphs: (order) => [
    `${capitalised(yourOrder(order))}${overTotal(order)} is cancelled${because(order, reasons)}.`,
    "If you have paid for it already, you get your money back, and we write to you once it is on its way.",
  ],
  sms: (order) =>
    `${capitalised(yourOrder(order))}${overTotal(order)} is cancelled. What you paid for it you get back.`,
};
