import { because, capitalised, overTotal, yourOrder } from "./phrase.ts";
import type { Template } from "./template.ts";

const reasons = {
  "no-card": "there is no card on your account",
  "insufficient-funds": "there is not enough money on your card's account",
};

export const orderDeclined: Template = {
  subject: (order) => `The payment of ${yourOrder(order)} was declined`,
  paragraphs: (order) => [
    `The payment of ${yourOrder(order)}${overTotal(order)} was declined${because(order, reasons)}.`,
    "Nothing was charged, and nothing will be sent. You are welcome to order again with another card.",
  ],
  sms: (order) =>
    `${capitalised(yourOrder(order))}${overTotal(order)} was not placed: the payment was declined.`,
};
