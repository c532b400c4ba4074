import { expect, it } from "vitest";
import { filledPath, routeOf } from "./call-path.ts";

it.each([
  [{ path: "/orders" }, "/orders", "/orders"],
  [{ path: "/.well-known/jwks.json" }, "/.well-known/jwks.json", "/.well-known/jwks.json"],
  [
    { path: "/users/:id/cards", params: { id: "ada l/../x?" } },
    "/users/:id/cards",
    "/users/ada%20l%2F..%2Fx%3F/cards",
  ],
  [{ path: "/a/:id/b/:other", params: { id: "1", other: "2" } }, "/a/:id/b/:other", "/a/1/b/2"],
  [{ path: "/search?q=a:id", params: { id: "1" } }, "/search", "/search?q=a:id"],
  [{ path: "/a/:id?x=:id", params: { id: "$&" } }, "/a/:id", "/a/%24%26?x=:id"],
])("%j is of the route %j and goes to %j", (call, route, path) => {
  expect(routeOf(call)).toBe(route);
  expect(filledPath(call)).toBe(path);
});

it("a parameter that is not given is an error, not a path to somewhere else", () => {
  expect(() => filledPath({ path: "/orders/:id/cancel", params: { orderId: "1" } })).toThrow(
    "/orders/:id/cancel: expected a parameter id",
  );
});
