import { expect, it } from "vitest";
import { fullUrl, urlAttributes } from "./traced-url.ts";

it.each([
  ["/orders/5f0c1f4e-1b1c-4f0e-9d3a-0b1c2d3e4f50/cancel", undefined],
  ["/products", "page=2&limit=20&category=garden"],
  ["/products", "ids=p-0001,p-0002%2Cp-0003"],
  ["/.well-known/jwks.json", undefined],
])("%s?%s stays as it is", (path, query) => {
  const target = query === undefined ? path : `${path}?${query}`;
  expect(urlAttributes(target)).toEqual({ "url.path": path, "url.query": query });
  expect(fullUrl("http://127.0.0.1:4000", target)).toBe(`http://127.0.0.1:4000${target}`);
});

it.each([
  ["what is searched for", "/search?q=planted&page=1", "/search?q=REDACTED&page=1"],
  ["an unknown parameter", "/login?password=planted", "/login?password=REDACTED"],
  ["a card where a page belongs", "/search?page=4242424242424242", "/search?page=REDACTED"],
  ["a mail address as a category", "/products?category=ada%40planted.example", "/products?category=REDACTED"],
  ["a mail address in a path", "/users/ada@planted.example/cards", "/users/REDACTED/cards"],
  ["an escaped one", "/users/ada%40planted.example", "/users/REDACTED"],
  ["a card in groups in a path", "/pay/4242%204242%204242%204242", "/pay/REDACTED"],
  ["a phone number", "/users/%2B49%20170%201234567", "/users/REDACTED"],
  ["a token", "/s/eyJhbGciOi.eyJzdWIiOi.c2ln", "/s/REDACTED"],
  ["what cannot be decoded", "/users/%E0%A4%A", "/users/REDACTED"],
  ["a secret for a name", "/x?ada@planted.example=1", "/x?REDACTED"],
])("%s is blanked", (_what, target, traced) => {
  expect(fullUrl("http://h", target)).toBe(`http://h${traced}`);
});
