import { expect, test } from "vitest";
import { createCookieJar } from "./cookie-jar.ts";

const nowMs = Date.parse("2026-11-21T12:00:00Z");

test.each([
  ["a cookie is sent back", ["a=1"], "/", "a=1"],
  ["attributes that a load has no use for are left out", ["a=1; HttpOnly; Secure; SameSite=Lax"], "/", "a=1"],
  ["several are sent in the order they came", ["a=1; Path=/", "b=2; Path=/"], "/", "a=1; b=2"],
  ["a later one of the same name replaces the earlier", ["a=1; Path=/", "a=2; Path=/"], "/", "a=2"],
  ["a value may hold equals signs and quotes", ['a="x=y"'], "/", 'a="x=y"'],
  ["one without a name is sent as its value", ["just-this"], "/", "just-this"],
  ["an empty one is none", ["; Path=/"], "/", undefined],
  ["the more specific path comes first", ["a=1; Path=/", "b=2; Path=/shop"], "/shop/x", "b=2; a=1"],
  ["another path does not get it", ["a=1; Path=/shop"], "/shopping", undefined],
  ["its own path gets it, with a query too", ["a=1; Path=/shop"], "/shop?x=/", "a=1"],
  ["without a path it is for the folder of the request", ["a=1"], "/login/else", "a=1"],
  ["and not for the folders above", ["a=1"], "/other", undefined],
  ["one that ends in time is sent until then", ["a=1; Path=/; Max-Age=60"], "/", "a=1"],
  ["one that has ended is not", ["a=1; Path=/; Max-Age=0"], "/", undefined],
  ["nor one of an earlier date", ["a=1; Path=/; Expires=Fri, 20 Nov 2026 12:00:00 GMT"], "/", undefined],
  [
    "Max-Age counts more than Expires",
    ["a=1; Path=/; Max-Age=9; Expires=Fri, 20 Nov 2026 12:00:00 GMT"],
    "/",
    "a=1",
  ],
  ["an end that cannot be read is none", ["a=1; Path=/; Expires=soon; Max-Age=x"], "/", "a=1"],
  ["one that ends takes the earlier with it", ["a=1; Path=/", "a=; Path=/; Max-Age=0"], "/", undefined],
])("%s", (_, setCookies, path, header) => {
  const jar = createCookieJar(() => nowMs);
  jar.take(setCookies, path === "/" ? "/" : "/login/form?next=/");
  expect(jar.headerFor(path)).toBe(header);
});

test("a cookie is sent no more once its time is over", () => {
  let atMs = nowMs;
  const jar = createCookieJar(() => atMs);
  jar.take("a=1; Path=/; Max-Age=10", "/");
  atMs += 9_999;
  expect(jar.headerFor("/")).toBe("a=1");
  atMs += 1;
  expect(jar.headerFor("/")).toBe(undefined);
});
