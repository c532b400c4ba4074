import { whatWasPaid, yourOrder } from "./phrase.ts";
import type { Template } from "./template.ts";

export const orderRefunded: Template = {
  subject: (order) => `The money for ${yourOrder(order)} is on its way back`,
  paragraphs: (order) => [
    `We have paid back ${whatWasPaid(order)} for ${yourOrder(order)}, to the card that you paid with.`,
    "It can take your bank a few days to show it.",
  ],
  sms: (order) => `We have paid back ${whatWasPaid(order)} for ${yourOrder(order)}.`,
};
