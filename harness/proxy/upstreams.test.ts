import { expect, it } from "vitest";
import { HealthChecks } from "./health-checks.ts";
import { Upstreams } from "./upstreams.ts";

const ports = (upstreams: readonly { readonly address: { readonly port: number } }[]): string =>
  upstreams.map(({ address }) => address.port).join(" ");
const three = () =>
  new Upstreams(
    [1, 2, 3].map((port) => ({ host: "127.0.0.1", port })),
    new HealthChecks(),
  );

it("each connection begins with the next upstream, and has the others to fall back on", () => {
  using upstreams = three();
  const orders = [1, 2, 3, 4].map(() => ports(upstreams.next()));
  expect(orders).toEqual(["2 3 1", "3 1 2", "1 2 3", "2 3 1"]);
});

it("one that refused comes last, and the others share its turns equally", () => {
  using upstreams = three();
  upstreams.listed[1]?.refused();
  const orders = [1, 2, 3, 4].map(() => ports(upstreams.next()));
  expect(orders.every((order) => order.endsWith(" 2"))).toBe(true);
  expect(orders.map((order) => order[0])).toEqual(["3", "1", "3", "1"]);
});

it("where all have refused, all are tried, in turn", () => {
  using upstreams = three();
  for (const upstream of upstreams.listed) upstream.refused();
  expect([1, 2, 3].map(() => ports(upstreams.next()))).toEqual(["2 3 1", "3 1 2", "1 2 3"]);
});
