import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { censorSecrets } from "../secrets.ts";

/**
 * What leaves in a span, without what it must not hold: card numbers, passwords, tokens, mail addresses and phone numbers.
 * Most of it is never put there (traced-url.ts; no header, no body, no value of a statement). What is left is what others
 * write: messages of errors, which like to quote what they did not understand, and this net for mistakes by their form.
 */

/** Enough of a secret that the whole text is to be looked at. */
const suspicious =
  /@|%40|eyJ|(?:\+|%2B|00)[1-9]|\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d|bearer|password|token|secret|authorization|cookie|cvc|"card/i;
const mailAddress = /[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/gi;
/** With its country; not a part of an id. */
const phoneNumber = /(?:\+|%2B|(?<![\w.-])00)[1-9](?:[ ()./-]{0,2}\d){7,14}(?![\w-])/gi;

/** A text without what has the form of a secret. */
export function censorText(text: string): string {
  if (!suspicious.test(text)) return text;
  return censorSecrets(text).replaceAll(mailAddress, "[redacted]").replaceAll(phoneNumber, "[redacted]");
}

/** What a message quotes is somebody's input, but for the names of what a database consists of. */
const quoted = /(?<!\b(?:column|constraint|function|index|relation|table|type) )"[^]*"/g;

/** The message of an error without what it quotes. */
export function censorMessage(message: string): string {
  return censorText(message.includes('"') ? message.replaceAll(quoted, '"[redacted]"') : message);
}

/** The span itself where there is nothing to take out of it; else one that is the same but for that. */
export function censoredSpan(span: ReadableSpan): ReadableSpan {
  const name = censorText(span.name);
  const attributes = censoredAttributes(span.attributes);
  const message = span.status.message && censorMessage(span.status.message);
  const events = span.events.map((event) => {
    const censored = event.attributes && censoredAttributes(event.attributes);
    return censored === event.attributes || censored === undefined
      ? event
      : { ...event, attributes: censored };
  });
  const isChanged =
    name !== span.name ||
    attributes !== span.attributes ||
    message !== span.status.message ||
    events.some((event, index) => event !== span.events[index]);
  if (!isChanged) return span;
  const status = message === undefined ? span.status : { ...span.status, message };
  const censored: unknown = Object.create(span, {
    name: { value: name, enumerable: true },
    attributes: { value: attributes, enumerable: true },
    status: { value: status, enumerable: true },
    events: { value: events, enumerable: true },
  });
  return censored as ReadableSpan;
}

/** The same object where nothing is taken out. */
function censoredAttributes(attributes: Attributes): Attributes {
  let censored: Attributes | undefined;
  for (const key in attributes) {
    const value = attributes[key];
    const allowed = censoredValue(key, value);
    if (allowed !== value) (censored ??= { ...attributes })[key] = allowed;
  }
  return censored ?? attributes;
}

/** Written by this code, or by a library from a list of its own. */
const harmless: ReadonlySet<string> = new Set([
  "db.namespace",
  "db.operation.name",
  "db.query.summary",
  "db.system.name",
  "error.type",
  "exception.type",
  "http.request.method",
  "http.route",
  "network.peer.address",
  "network.protocol.version",
  "server.address",
  "url.scheme",
]);

function censoredValue(key: string, value: AttributeValue | undefined): AttributeValue | undefined {
  if (typeof value === "string") {
    if (harmless.has(key)) return value;
    if (key === "db.query.text") return censoredStatement(value);
    if (key === "exception.message") return censorMessage(value);
    if (key === "exception.stacktrace") return framesOf(value);
    return censorText(value);
  }
  if (!Array.isArray(value)) return value;
  const censored = value.map((one) => (typeof one === "string" ? censorText(one) : one));
  return censored.some((one, index) => one !== value[index]) ? (censored as string[]) : value;
}

/** Statements are written in code, so there are few, and long ones. */
const statements = new Map<string, string>();
const mostStatements = 500;

function censoredStatement(statement: string): string {
  const known = statements.get(statement);
  if (known !== undefined) return known;
  const censored = censorText(statement);
  if (statements.size < mostStatements) statements.set(statement, censored);
  return censored;
}

/** A stack begins with the message, which stands beside it. */
function framesOf(stack: string): string {
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n");
}
