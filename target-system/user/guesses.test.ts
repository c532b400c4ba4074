import { expect, it } from "vitest";
import { networkOf, suspectsOf } from "./guesses.ts";

it.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["no address", "no address"],
])("a client at %s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

it("an account is the same one in any case, and its address is not kept in clear", () => {
  expect(suspectsOf("A@shop.example", "::1").account).toEqual(suspectsOf("a@SHOP.example", "::2").account);
  expect(JSON.stringify(suspectsOf("a@shop.example", "203.0.113.9"))).not.toMatch(/shop|203/);
});
