import fc from "fast-check";
import { expect, test } from "vitest";
import { withoutSecrets } from "./secrets.ts";

const jwt = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2VyLTMifQ.${"s1G".repeat(12)}`;

test.each([
  ["refused Bearer abc.def-123, of user-3", "refused Bearer [redacted], of user-3"],
  [`who sent ${jwt}?`, "who sent [redacted]?"],
  ["a token that was cut off: eyJhbGciOiJFZERTQSJ9.eyJz", "a token that was cut off: [redacted]"],
  [
    "no postgresql://shop:hunter2@127.0.0.1:5432/orders",
    "no postgresql://shop:[redacted]@127.0.0.1:5432/orders",
  ],
  ["login with password=hunter2 failed", "login with password=[redacted] failed"],
  ['got {"refreshToken": "r-77", "limit": 3}', 'got {"refreshToken": "[redacted]", "limit": 3}'],
  [
    String.raw`got "{\"cvc\":1,\"api_key\":\"k-1\"}"`,
    String.raw`got "{\"cvc\":1,\"api_key\":\"[redacted]\"}"`,
  ],
  ["card 4242 4242 4242 4242 was declined", "card [redacted] was declined"],
  ["card 5555555555554444 was declined", "card [redacted] was declined"],
  ["no mail to user-017@shop.example yet", "no mail to [redacted] yet"],
])("%j is shown as %j", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

test.each([
  "order f862a482-3f20-470f-8f00-3a65e4df8e47 was not confirmed: payment did not answer: timeout",
  "trace 48291dafc855a57c9b9d043727f3d2e8 of 1795290942080",
  "4242 4242 4242 4241 is no card number, by its check digit",
  "the token bucket is empty",
  "a password was reset",
])("%j stays as it is", (text) => {
  expect(withoutSecrets(text)).toBe(text);
});

test("whatever stands around it, no card number or token gets through", () => {
  const around = fc.stringMatching(/^[a-z ,.:"'{}=]{0,20}$/);
  const secret = fc.constantFrom("4000 0566 5566 5556", "4242424242424242", jwt);
  fc.assert(
    fc.property(around, secret, around, (before, one, after) => {
      expect(withoutSecrets(`${before} ${one} ${after}`)).not.toContain(one);
    }),
  );
});
