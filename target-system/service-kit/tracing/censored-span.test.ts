import { SpanStatusCode, type Attributes } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { censoredSpan, censorMessage, censorText } from "./censored-span.ts";

function spanOf(
  attributes: Attributes,
  { message, error }: { readonly message?: string; readonly error?: Error } = {},
): ReadableSpan {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const span = provider.getTracer("test").startSpan("GET /users/:id", { attributes });
  if (message !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message });
  if (error !== undefined) span.recordException(error);
  span.end();
  const [ended] = exporter.getFinishedSpans();
  if (ended === undefined) throw new Error("no span");
  return ended;
}

it.each([
  ["a card number", "no such card 4242 4242 4242 4242", "4242"],
  ["a mail address", "cannot reach ada.l+shop@planted.example now", "planted"],
  ["an escaped mail address", "GET /u/ada%40planted.example", "planted"],
  ["a phone number", "no SMS to +49 170 1234567 now", "1234567"],
  ["a phone number without its plus", "no SMS to 0049 170/1234567 now", "1234567"],
  ["a token", "sent Bearer planted-token", "planted-token"],
  ["a password in a URL", "cannot reach postgresql://shop:planted@localhost/db", "planted"],
  ["a password as JSON", 'got {"password":"planted"}', "planted"],
])("%s is taken out of a text", (_what, text, secret) => {
  expect(censorText(text)).not.toContain(secret);
  expect(censorText(text).slice(0, 3)).toBe(text.slice(0, 3));
});

it.each([
  "5f0c1f4e-1b1c-4f0e-9d3a-0b1c2d3e4f50",
  "http://127.0.0.1:41234/orders/00000000-0000-4000-8000-000000000000/cancel",
  "at file:///srv/node_modules/@opentelemetry/api/index.js:10:4",
  "undici@7.30.2",
  "2026-11-21T16:00:00.000+0100",
  "order.confirmed",
])("%s stays as it is", (text) => {
  expect(censorText(text)).toBe(text);
});

it.each([
  ['invalid input syntax for type uuid: "planted"', 'invalid input syntax for type uuid: "[redacted]"'],
  [
    `Unexpected token 'p', "planted "x" y" is not valid JSON`,
    `Unexpected token 'p', "[redacted]" is not valid JSON`,
  ],
  [
    'duplicate key value violates unique constraint "users_email_key"',
    'duplicate key value violates unique constraint "users_email_key"',
  ],
])(
  "what a message quotes is taken out of it, but for the names of a database's parts: %s",
  (message, censored) => {
    expect(censorMessage(message)).toBe(censored);
  },
);

it("a span in which there is nothing to hide is the same object", () => {
  const span = spanOf(
    { "http.route": "/users/:id", "shop.order.id": "o-1", list: ["a", "b"] },
    { message: "refused" },
  );
  expect(censoredSpan(span)).toBe(span);
});

it("attributes, lists, status, events and stacks are looked through, and all else of the span stays", () => {
  const span = spanOf(
    { "user_agent.original": "curl ada@planted.example", list: ["ok", "+49 170 1234567"], count: 7 },
    { message: "no card 4242424242424242", error: new SyntaxError('"planted" is not valid JSON') },
  );
  const censored = censoredSpan(span);
  expect(censored.attributes).toEqual({
    "user_agent.original": "curl [redacted]",
    list: ["ok", "[redacted]"],
    count: 7,
  });
  expect(censored.status).toEqual({ code: SpanStatusCode.ERROR, message: "no card 9999999999999999" });
  expect(censored.events[0]?.attributes).toMatchObject({
    "exception.type": "SyntaxError",
    "exception.message": '"[redacted]" is not valid JSON',
    "exception.stacktrace": expect.stringMatching(/^\s+at .*censored-span/) as string,
  });
  expect([censored.name, censored.duration, censored.spanContext(), censored.resource]).toEqual([
    span.name,
    span.duration,
    span.spanContext(),
    span.resource,
  ]);
});

it("a statement is looked through as well", () => {
  const text = "select id from users where email = 'ada@planted.example'";
  for (const time of ["first", "again"])
    expect(censoredSpan(spanOf({ "db.query.text": text })).attributes["db.query.text"], time).toBe(
      "select id from users where email = '[redacted]'",
    );
});
