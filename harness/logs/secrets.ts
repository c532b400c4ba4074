/**
 * What no report may quote of a log, whoever wrote it: what has the form of a secret, or stands behind the name of one. Who
 * logs should take them out before (the shop does); a log stays where it is, but a report is handed on.
 */

/** Enough of a secret that the whole text is to be looked at. */
const suspicious =
  /@|eyJ|bearer|passw|pwd|secret|token|api[_-]?key|authorization|cookie|\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d/i;
const signedToken = /\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*/g;
const bearer = /\b(Bearer|Basic)\s+[^\s"'\\,;]{6,}/gi;
/** `//user:password@host`. */
const urlPassword = /(\/\/[^\s/:@"\\]*):[^\s/@"\\]+@/g;
/** `password=…`, `"token": "…"`, also where the JSON is itself quoted in a text. */
const named =
  /\b([\w-]*(?:passw(?:or)?d|pwd|secret|token|api[_-]?key|authorization|cookie))(\\*["']?\s*[=:]\s*)(\\*["'])?[^\s"'\\,;&)}[\]]+/gi;
const mailAddress = /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/gi;
/** What may be a card number, in one piece or in groups; not a part of a longer number, an id or a hash. */
const cardNumber = /(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])/g;

const redacted = "[redacted]";

/** The text with `[redacted]` where a secret or a mail address was. */
export function withoutSecrets(text: string): string {
  if (!suspicious.test(text)) return text;
  return text
    .replace(bearer, `$1 ${redacted}`)
    .replace(signedToken, redacted)
    .replace(urlPassword, `$1:${redacted}@`)
    .replace(named, (_, name: string, between: string, quote = "") => `${name}${between}${quote}${redacted}`)
    .replace(mailAddress, redacted)
    .replace(cardNumber, (digits) => (passesLuhn(digits) ? redacted : digits));
}

/** The check digit that card numbers carry (ISO/IEC 7812-1, annex B). */
function passesLuhn(text: string): boolean {
  const digits = text.replace(/\D/g, "");
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
