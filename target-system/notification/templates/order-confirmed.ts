import { capitalised, overTotal, yourOrder } from "./phrase.ts";
import type { Template } from "./template.ts";

export const orderConfirmed: Template = {
  subject: (order) => `${capitalised(yourOrder(order))} is confirmed`,
  paragraphs: (order) => [
    `Thank you: ${yourOrder(order)}${overTotal(order)} is confirmed and paid.`,
    "We write again if anything about it changes.",
  ],
  sms: (order) => `${capitalised(yourOrder(order))}${overTotal(order)} is confirmed.`,
};
