/** What can be said of a card by looking at it. */
export interface CardFace {
  /** Digits alone. */
  readonly number: string;
  readonly brand: "visa" | "mastercard" | "amex" | "card";
  readonly last4: string;
  /** 1 to 12. */
  readonly month: number;
  /** Of four digits. */
  readonly year: number;
  /** `MM/YY` */
  readonly expiry: string;
}

export type CardFault = "card-invalid" | "card-expired";

/**
 * @param number digits, in groups by spaces or hyphens as people type them
 * @param expiry `MM/YY`
 */
export function readCard(number: string, expiry: string, now: Date): CardFace | CardFault {
  const digits = number.replaceAll(/[ -]/g, "");
  if (!/^\d{12,19}$/.test(digits) || !hasRightCheckDigit(digits)) return "card-invalid";
  const [month = 0, shortYear = 0] = expiry.split("/").map(Number);
  const year = 2000 + shortYear;
  // Good to the end of its month.
  if (new Date(Date.UTC(year, month)) <= now) return "card-expired";
  return { number: digits, brand: brandOf(digits), last4: digits.slice(-4), month, year, expiry };
}

/** Luhn, ISO/IEC 7812-1 annex B. */
function hasRightCheckDigit(digits: string): boolean {
  let sum = 0;
  for (const [index, digit] of [...digits].toReversed().entries()) {
    const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2);
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function brandOf(digits: string): CardFace["brand"] {
  if (digits.startsWith("4")) return "visa";
  if (/^3[47]/.test(digits)) return "amex";
  return /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/.test(digits) ? "mastercard" : "card";
}
