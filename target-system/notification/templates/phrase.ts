import type { ToldOrder } from "./template.ts";

/** Turns of phrase that templates share. */

const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

/** "your order 1a2b3c4d": as much of its id as a person reads out. */
export function yourOrder({ orderId }: ToldOrder): string {
  return `your order ${orderId.slice(0, 8)}`;
}

/** " over €12.34"; nothing while the amount is not known. */
export function overTotal({ totalCents }: ToldOrder): string {
  return totalCents === null ? "" : ` over ${euros.format(totalCents / 100)}`;
}

/** "€12.34", or "what you paid". */
export function whatWasPaid({ totalCents }: ToldOrder): string {
  return totalCents === null ? "what you paid" : euros.format(totalCents / 100);
}

/** Words for a reason; nothing for one that is not in the list: codes are not for customers. */
export function because({ reason }: ToldOrder, words: Readonly<Record<string, string>>): string {
  const known = reason !== null && Object.hasOwn(words, reason) ? words[reason] : undefined;
  return known === undefined ? "" : `, since ${known}`;
}

export function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
