/**
 * What no log line may hold, whoever logs it: secrets by the name of their field, and secrets by their form wherever they
 * stand, in a message, a stack or a path. A net for mistakes; who handles a secret still must not log it.
 */

const secretNames = [
  "authorization",
  "cookie",
  "password",
  "passwordHash",
  "secret",
  "token",
  "accessToken",
  "refreshToken",
  "jwk",
  "privateKey",
  "card",
  "cardNumber",
  "number",
  "cvc",
  "expiry",
  // Of PostgreSQL's errors: the row that was refused, the statement, and where in it.
  "detail",
  "where",
  "internalQuery",
] as const;

const named = secretNames.join("|");
/** A field of that name in a line of JSON, with the text or number that it holds; of an object, its fields are looked at. */
const field = new RegExp(`"(${named})":\\s*(?:"(?:[^"\\\\]|\\\\.)*"|-?[\\d.]+)`, "g");
/** The same where the JSON is itself quoted in a text. */
const quotedField = new RegExp(`(\\\\+")(${named})\\1:\\s*(?:\\1.*?\\1|-?[\\d.]+)`, "g");
const jwt = /\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g;
const bearer = /\b(Bearer)\s+[^\s"'\\]+/gi;
/** `//user:password@host`. */
const urlPassword = /(\/\/[^\s/:@"\\]*):[^\s/@"\\]+@/g;
/** What may be a card number, in one piece or in groups; not a part of a longer number, an id or a hash. */
const cardNumber = /(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])/g;

/** A line of a log without what it must not hold; what was JSON is JSON still. */
export function censorSecrets(line: string): string {
  return (
    line
      .replaceAll(field, '"$1":"[redacted]"')
      .replaceAll(quotedField, "$1$2$1:$1[redacted]$1")
      .replaceAll(bearer, "$1 [redacted]")
      .replaceAll(jwt, "[redacted]")
      .replaceAll(urlPassword, "$1:[redacted]@")
      // With digits, since in JSON it may stand where a number does.
      .replaceAll(cardNumber, (digits) => (passesLuhn(digits) ? digits.replaceAll(/\d/g, "9") : digits))
  );
}

/** The check digit that card numbers carry (ISO/IEC 7812-1, annex B). */
function passesLuhn(text: string): boolean {
  const digits = [...text].filter((character) => character >= "0" && character <= "9").map(Number);
  const sum = digits
    .reverse()
    .map((digit, index) => (index % 2 === 0 ? digit : digit * 2 > 9 ? digit * 2 - 9 : digit * 2))
    .reduce((total, digit) => total + digit, 0);
  return sum % 10 === 0;
}
