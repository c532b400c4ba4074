import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWholeShop, type WholeShop } from "../../target-system/gateway/whole-shop.fixture.ts";
import type { TestService } from "../../target-system/service-kit/service.fixture.ts";
import { waitFor } from "../../target-system/service-kit/wait.fixture.ts";
import { readExposition, type Family } from "./exposition.fixture.ts";

/** What the seven services of the shop export, after a little of everything has happened to them. */

let shop: WholeShop;
beforeAll(async () => {
  shop = await startWholeShop();
  await makeEverythingHappen();
});
afterAll(() => shop[Symbol.asyncDispose]());

async function exported(service: TestService): Promise<ReadonlyMap<string, Family>> {
  const response = await fetch(`${service.url}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  return readExposition(await response.text());
}

/** Each metric that has labels gets a series: some from the start, the others by what they count. */
async function makeEverythingHappen(): Promise<void> {
  const { gateway, catalog } = shop.services;
  if (gateway === undefined || catalog === undefined) throw new Error("expected a gateway and a catalog");
  const login = { email: "user-001@shop.example", password: "password-001" };
  const { body } = await gateway.request("POST", "/api/login", login);
  const authorization = `Bearer ${(body as { accessToken: string }).accessToken}`;
  const order = { items: [{ productId: "p-0001", quantity: 1 }] };
  const place = (): ReturnType<TestService["request"]> =>
    gateway.request("POST", "/api/checkout", order, { authorization, "idempotency-key": "twice" });
  const placed = (await place()).body as { orderId: string };
  expect(await place()).toMatchObject({ body: { orderId: placed.orderId } });
  await gateway.request("POST", `/api/orders/${placed.orderId}/cancel`, undefined, { authorization });
  await catalog.request("GET", "/products"); // says not who calls
  await gateway.request("GET", "/api/products", undefined, { "x-deadline-ms": "0" });
  shop.edges.recommendation.become({ kind: "cut" });
  await gateway.request("GET", "/api/products/p-0001");
  shop.heal();
  await crowd(gateway);
  await waitFor("the order to give back what it had", async () =>
    /^order_compensations_total\{.*"release".*\} 1$/m.test(await textOf("order")),
  );
  await waitFor("a mail to be sent", async () =>
    /^notification_sent_total\{channel="email"\} [1-9]/m.test(await textOf("notification")),
  );
}

async function textOf(name: string): Promise<string> {
  return (await fetch(`${shop.services[name]?.url ?? ""}/metrics`)).text();
}

/** More clients at once than a service lets in, each of which never says the end of what it wants. */
async function crowd({ url }: TestService): Promise<void> {
  const { hostname: host, port } = new URL(url);
  const head = `POST /api/login HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n`;
  const clients = Array.from({ length: 257 }, (): Socket => connect(Number(port), host));
  const answered = clients.map((client) => once(client, "data"));
  for (const client of clients) client.write(head);
  await Promise.race(answered);
  for (const client of clients) client.destroy();
}

interface Documented {
  readonly type: string;
  readonly labels: readonly string[];
  readonly services: readonly string[];
  readonly meaning: string;
}

const docs = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");

function documented(): Readonly<Record<string, Documented>> {
  const rows = docs.matchAll(
    /^\| `(?<name>\w+)` *\| (?<type>\w+) *\| (?<labels>.*?) *\| (?<unit>.*?) *\| (?<services>.*?) *\| (?<meaning>.*?) *\|$/gm,
  );
  const listOf = (text = ""): readonly string[] =>
    [...text.matchAll(/[\w-]+/g)].map(([word]) => word).toSorted();
  return Object.fromEntries(
    [...rows].map(({ groups = {} }) => [
      groups["name"] ?? "",
      {
        type: groups["type"] ?? "",
        labels: listOf(groups["labels"]),
        services:
          groups["services"] === "all" ? Object.keys(shop.services).toSorted() : listOf(groups["services"]),
        meaning: groups["meaning"] ?? "",
      },
    ]),
  );
}

test("docs/metrics.md lists every metric that the services export as it is, and no other", async () => {
  const found: Record<string, { type: string; labels: Set<string>; services: string[]; meaning: string }> =
    {};
  for (const [service, running] of Object.entries(shop.services))
    for (const [name, { type, help, labels }] of await exported(running)) {
      const metric = (found[name] ??= { type, labels: new Set(), services: [], meaning: help });
      metric.services.push(service);
      for (const label of labels) metric.labels.add(label);
    }
  const sorted = Object.entries(found).map(([name, { labels, services, ...metric }]) => [
    name,
    { ...metric, labels: [...labels].toSorted(), services: services.toSorted() },
  ]);
  expect(Object.fromEntries(sorted)).toEqual(documented());
});

test("a thousand ids, paths, users and addresses make no more series than one of each", async () => {
  const [gateway = "", user = ""] = ["gateway", "user"].map((name) => shop.services[name]?.url);
  const kinds = [
    (n: number) => [`${gateway}/api/products/unknown-${n}?n=${n}`, "GET"],
    (n: number) => [`${gateway}/made-up/${n}.php`, "GET"],
    (n: number) => [`${gateway}/api/orders/${n}`, "POST"],
    (n: number) => [`${gateway}/api/orders/${n}/cancel`, "POST"],
    (n: number) => [`${user}/users/u-${n}`, "GET"],
  ];
  const ask = async (n: number): Promise<void> => {
    const [url = "", method = ""] = kinds[n % kinds.length]?.(n) ?? [];
    const authorization = `Bearer token-${n}`;
    const forwarded = `10.0.${n >> 8}.${n & 255}`;
    const headers = { authorization, "x-forwarded-for": forwarded, "user-agent": `agent ${n}` };
    await fetch(url, { method, headers });
  };
  // What came of requests is left out: there is a bounded number of statuses, and which of them come is a matter of load.
  const seriesOf = async (): Promise<readonly string[]> =>
    (await Promise.all(Object.values(shop.services).map(exported))).flatMap((families, service) =>
      [...families.values()]
        .flatMap(({ series }) => series)
        .map(
          (series) => `${service} ${series.replaceAll(/,?(status|outcome|reason|why|kind)="[^"]*"/g, "")}`,
        ),
    );
  for (let n = 0; n < kinds.length; n += 1) await ask(n);
  await seriesOf(); // counts itself
  const before = new Set(await seriesOf());
  for (let n = kinds.length; n < 1_000; n += 8)
    await Promise.all(Array.from({ length: 8 }, (_, more) => ask(n + more)));
  // A fleet that is slow has series of deadlines that it had not before: of the same routes, and of nothing that was sent.
  const valuesIn = (series: string): readonly string[] =>
    [...series.matchAll(/="([^"]*)"/g)].map(([, value = ""]) => value);
  const known = new Set([...before].flatMap(valuesIn));
  const made = (await seriesOf()).filter((series) => !before.has(series));
  expect(made.filter((series) => valuesIn(series).some((value) => !known.has(value)))).toEqual([]);
  expect(before.size).toBeGreaterThan(1_000);
});
