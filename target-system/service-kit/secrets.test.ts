import fc from "fast-check";
import pg from "pg";
import { expect, it } from "vitest";
import { createLog } from "./log.ts";
import { censorSecrets } from "./secrets.ts";

const jwt = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJvcmRlciJ9.c2lnbmF0dXJl";
const card = "4242424242424242";

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = "";
  write(createLog("test", "info", { write: (line) => void (text += line) }));
  return text;
}

it.each([
  ["a token", `calling with Bearer ${jwt}`, jwt],
  ["a token without its scheme", `{"found":"${jwt}"}`, jwt],
  ["a refresh token as bearer", "bearer abc.def-123", "abc.def-123"],
  ["a password in a URL", "cannot reach postgresql://shop:s3cret@localhost/db", "s3cret"],
  ["a card number", `no such card ${card}`, card],
  ["a card number in groups", "no such card 4000 0000 0000 9995!", "0000 9995"],
  ["a card number as a JSON number", `{"found":${card}}`, card],
])("%s is taken out of a text, and the rest stays", (_what, text, secret) => {
  const censored = censorSecrets(text);
  expect(censored).not.toContain(secret);
  expect(censored).toMatch(/\[redacted\]|9999/);
  expect(censored.slice(0, 4)).toBe(text.slice(0, 4));
});

it.each([
  ["an order's id", "order 7b0e4242-4242-4242-8242-424242424242 placed"],
  ["a moment", `{"atMs":1763740000000,"at":"2026-11-21T16:00:00.000Z"}`],
  ["an id of a trace", `{"trace_id":"42424242424242424242424242424242"}`],
  ["a long number that is no card's", "4242424242424241"],
  ["an address", "listening on http://127.0.0.1:8080/"],
])("%s is left as it is", (_what, text) => {
  expect(censorSecrets(text)).toBe(text);
});

it("fields with the names of secrets are blanked however deep they lie, and the line stays JSON", () => {
  const line = logged((log) =>
    log.info(
      {
        password: "planted-1",
        headers: { authorization: "planted-2" },
        request: { body: { card: { number: "planted-3", cvc: "planted-4" } } },
        user: { refreshToken: "planted-5" },
        answer: 'the body was {"password":"planted-6 with a \\"quote", "cvc": 987654321}',
        payment: { number: 123123123, "password ": "kept" },
        orderId: "kept",
      },
      "told",
    ),
  );
  expect(line).not.toContain("planted");
  expect(JSON.parse(line)).toMatchObject({
    orderId: "kept",
    msg: "told",
    user: { refreshToken: "[redacted]" },
  });
});

it("what a database's error tells of the row that it refused is not logged, nor that of its cause", () => {
  const refusal = new pg.DatabaseError("violates check constraint", 1, "error");
  refusal.detail = "Failing row contains (user-001, planted-hash)";
  refusal.where = "planted-statement";
  const line = logged((log) => log.warn({ err: new Error("not stored", { cause: refusal }) }, "x"));
  const direct = logged((log) => log.warn({ err: refusal }, "x"));
  expect(line + direct).not.toContain("planted");
  expect(line + direct).toContain("violates check constraint");
});

it("a secret in the message or the stack of an error is not logged", () => {
  const line = logged((log) =>
    log.error({ err: new Error(`refused ${card} for Bearer ${jwt}`) }, `no ${card}`),
  );
  expect(line).not.toContain(card);
  expect(line).not.toContain(jwt);
  expect(JSON.parse(line)).toMatchObject({ msg: "no 9999999999999999" });
});

it("whatever is logged, a line stays JSON and no password gets through", () => {
  fc.assert(
    fc.property(fc.string(), fc.json(), (password, other) => {
      const line = logged((log) => log.info({ password: `planted-${password}`, other }, `and ${other}`));
      expect(line).not.toContain("planted");
      expect(JSON.parse(line)).toMatchObject({ password: "[redacted]" });
    }),
  );
});
