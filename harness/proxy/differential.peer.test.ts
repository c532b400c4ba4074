import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import {
  ask,
  compare,
  intended,
  listenOf,
  startSides,
  startToxiproxy,
  type Difference,
  type Headers,
  type Reply,
  type Side,
} from "./differential.fixture.ts";
import { connectTo } from "./proxy.fixture.ts";

const seen = new Set<Difference>();
let sides: Awaited<ReturnType<typeof startSides>>;
let upstream: string;

beforeAll(async () => {
  sides = await startSides();
  ({ upstream } = sides);
});
afterAll(() => sides[Symbol.asyncDispose]());

/** Sends one request to both; all is the same but for what a reply may always differ in. */
async function same(method: string, path: string, body?: unknown, headers?: Headers): Promise<void> {
  const given = {
    real: await ask(sides.real, method, path, body, headers),
    ours: await ask(sides.ours, method, path, body, headers),
  };
  try {
    for (const difference of compare(given)) seen.add(difference);
  } catch (error) {
    throw new Error(`${method} ${path} ${JSON.stringify(body)?.slice(0, 300)}: ${JSON.stringify(given)}`, {
      cause: error,
    });
  }
}

/** Sends one request to both, whose replies are meant to differ. */
async function differs(
  difference: Difference,
  [method, path, body, headers]: readonly [string, string, unknown?, Headers?],
  expected: { readonly real: Partial<Reply>; readonly ours: Partial<Reply> },
): Promise<void> {
  const answers = {
    real: await ask(sides.real, method, path, body, headers),
    ours: await ask(sides.ours, method, path, body, headers),
  };
  expect(answers, `${difference}: ${method} ${path}`).toMatchObject(expected);
  expect(expected.real).not.toEqual(expected.ours);
  seen.add(difference);
}

const latency = { type: "latency", attributes: { latency: 100 } };
const everyToxic = [
  latency,
  { type: "latency", stream: "upstream", attributes: { latency: 1, jitter: 2 } },
  { type: "bandwidth", attributes: { rate: 100 } },
  { type: "slow_close", attributes: { delay: 5 } },
  { type: "timeout", attributes: { timeout: 5 } },
  { type: "reset_peer", attributes: { timeout: 5 } },
  { type: "slicer", attributes: { average_size: 5, size_variation: 2, delay: 7 } },
  { type: "limit_data", attributes: { bytes: 5 } },
  { type: "noop" },
];

describe("answers", () => {
  test("of routes and methods", async () => {
    await sides.begin();
    for (const [method, path] of [
      ["GET", "/version"],
      ["GET", "/proxies"],
      ["GET", "/proxies/edge"],
      ["GET", "/proxies/none"],
      ["GET", "/proxies/edge/toxics"],
      ["GET", "/proxies/edge/toxics/none"],
      ["GET", "/nowhere"],
      ["GET", "/proxies/edge/toxics/none/more"],
      ["PUT", "/proxies"],
      ["PUT", "/proxies/edge"],
      ["GET", "/reset"],
      ["GET", "/populate"],
      ["DELETE", "/proxies"],
      ["DELETE", "/version"],
      ["OPTIONS", "/proxies"],
      ["DELETE", "/proxies/none"],
      ["DELETE", "/proxies/edge/toxics/none"],
      ["DELETE", "/proxies/none/toxics/none"],
      ["POST", "/reset"],
      ["DELETE", "/proxies/edge"],
      ["DELETE", "/proxies/edge"],
    ] as const)
      await same(method, path);
    await same("GET", "/proxies", undefined, { "user-agent": "Mozilla/5.0" });
    await same("GET", "/proxies", undefined, { "user-agent": "curl/8 Mozilla/5.0" });
    await same("GET", "/proxies?a=b");
  });

  test("about proxies", async () => {
    await sides.begin();
    const proxy = { name: "b", listen: "127.0.0.1:0", upstream };
    for (const body of [
      proxy,
      proxy,
      { ...proxy, name: "c", enabled: false },
      { ...proxy, name: "d", toxics: [] },
    ])
      await same("POST", "/proxies", body);
    for (const body of [
      "",
      "nonsense",
      "[]",
      "5",
      { upstream },
      { name: "e" },
      { name: "", upstream },
      { name: 5, upstream },
    ])
      await same("POST", "/proxies", body);
    await same("POST", "/proxies", { ...proxy, name: "taken", listen: upstream });
    await same("GET", "/proxies/taken");
    for (const method of ["PATCH", "POST"])
      for (const body of [
        { enabled: false },
        { enabled: false },
        { enabled: true },
        { upstream: "localhost:1" },
        { listen: "127.0.0.1:0" },
        { listen: "127.0.0.1:0", upstream, enabled: true },
        {},
        "",
        "nonsense",
        { enabled: "no" },
      ])
        await same(method, "/proxies/b", body);
    await same("PATCH", "/proxies/none", {});
    await same("POST", "/proxies/b", { listen: upstream });
    await same("GET", "/proxies/b");
    await same("GET", "/proxies");
    await same("POST", "/reset");
  });

  test("about toxics", async () => {
    await sides.begin();
    for (const toxic of everyToxic) {
      await same("POST", "/proxies/edge/toxics", toxic);
      await same("POST", "/proxies/edge/toxics", { ...toxic, name: "again" });
      await same("GET", "/proxies/edge/toxics/again");
      await same("DELETE", "/proxies/edge/toxics/again");
    }
    const path = "/proxies/edge/toxics/latency_downstream";
    for (const method of ["PATCH", "POST"])
      for (const body of [
        { attributes: { jitter: 7 } },
        { attributes: { latency: 3 }, toxicity: 0.25 },
        { toxicity: 0 },
        {},
        {
          name: "latency_downstream",
          type: "latency",
          stream: "downstream",
          toxicity: 1,
          attributes: { latency: 9 },
        },
        "",
        "nonsense",
        { toxicity: "1" },
        { attributes: { latency: "1" } },
      ])
        await same(method, path, body);
    await same("GET", path);
    for (const body of [
      latency,
      { type: "lag" },
      {},
      "",
      "nonsense",
      { ...latency, name: "x", stream: "sideways" },
      { ...latency, name: "x", stream: "" },
      { ...latency, name: "x", toxicity: "1" },
      { ...latency, name: "x", attributes: { latency: "5" } },
      { ...latency, name: "x", attributes: 5 },
    ])
      await same("POST", "/proxies/edge/toxics", body);
    await same("POST", "/proxies/none/toxics", latency);
    await same("PATCH", "/proxies/edge/toxics/none", {});
    await same("DELETE", path);
    await same("GET", path);
    await same("POST", "/reset");
    await same("GET", "/proxies/edge/toxics");
  });

  test("of populate", async () => {
    await sides.begin();
    const [a, b] = ["a", "b"].map((name) => ({ name, listen: "127.0.0.1:0", upstream }));
    await same("POST", "/populate", [a, b]);
    await same("POST", "/populate", [a, { ...b, enabled: false }]);
    await same("POST", "/populate", [{ ...a, upstream: "localhost:1" }]);
    for (const body of ["", "nonsense", a, [{ upstream }], [a, { name: "c" }]])
      await differs("lists", ["POST", "/populate", body], {
        real: { status: 400, body: expect.stringContaining('"proxies":null') as string },
        ours: { status: 400, body: expect.stringContaining('"proxies":[]') as string },
      });
    await differs("lists", ["POST", "/populate", []], {
      real: { status: 201, body: '{"proxies":null}' },
      ours: { status: 201, body: '{"proxies":[]}\n' },
    });
    for (const side of sides.both) {
      // The same address, so that it is kept with its toxics.
      await ask(side, "POST", "/proxies/b/toxics", latency);
      const kept = JSON.parse((await ask(side, "GET", "/proxies/b")).body) as { listen: string };
      const { body } = await ask(side, "POST", "/populate", [{ ...b, listen: kept.listen }]);
      expect(body).toContain("latency_downstream");
    }
  });

  test("that are meant to differ", async () => {
    await sides.begin();
    const refused = { status: 400 };
    const done = { status: 200 };
    const create = (extra: object): [string, string, unknown] => [
      "POST",
      "/proxies/edge/toxics",
      { ...latency, name: Math.random().toString(36), ...extra },
    ];
    for (const extra of [
      { toxicity: 7 },
      { toxicity: -1 },
      { attributes: { latency: -5 } },
      { attributes: { latncy: 5 } },
      { toxicty: 1 },
      { Toxicity: 1 },
      { type: "bandwidth", attributes: {} },
      { type: "slicer", attributes: {} },
    ])
      await differs("bodies", create(extra), { real: done, ours: refused });
    const [method, path, toxic] = create({});
    await differs("bodies", [method, path, `${JSON.stringify(toxic)} and more`], {
      real: done,
      ours: refused,
    });
    await differs("bodies", ["PATCH", "/proxies/edge", { name: "other" }], { real: done, ours: refused });
    await differs("bodies", ["POST", "/proxies", { name: "bad", upstream: "nowhere" }], {
      real: { status: 201 },
      ours: refused,
    });
    await differs("bodies", ["PATCH", "/proxies/edge", { listen: "127.0.0.1:x" }], {
      real: { status: 500 },
      ours: refused,
    });
    await differs("size", ["POST", "/proxies", { name: "n", upstream, toxics: ["x".repeat(2 ** 20)] }], {
      real: { status: 201 },
      ours: { status: 413 },
    });

    await sides.begin([latency]);
    await differs("stream", create({ name: "", stream: "UPSTREAM" }), {
      real: { ...done, body: expect.stringContaining('"name":"latency_UPSTREAM"') as string },
      ours: { ...done, body: expect.stringContaining('"name":"latency_upstream"') as string },
    });
    const namesIn = (body: string) =>
      [...body.matchAll(/"name":"([^"]*)"/g)].map(([, name]) => name?.toLowerCase());
    const listed = await Promise.all(sides.both.map((side) => ask(side, "GET", "/proxies/edge/toxics")));
    expect(listed.map(({ body }) => namesIn(body))).toEqual([
      ["latency_upstream", "latency_downstream"],
      ["latency_downstream", "latency_upstream"],
    ]);
    seen.add("order");

    const withToxics = { name: "t", listen: "127.0.0.1:0", upstream, toxics: [latency] };
    await differs("toxics at once", ["POST", "/proxies", withToxics], {
      real: { status: 201, body: expect.stringContaining('"toxics":[]') as string },
      ours: { status: 201, body: expect.stringContaining('"name":"latency_downstream"') as string },
    });
    const several = { name: "s", listen: "127.0.0.1:0", upstream, upstreams: [upstream, "localhost:1"] };
    await differs("upstreams", ["POST", "/proxies", several], {
      real: { status: 201, body: expect.not.stringContaining("localhost:1") as string },
      ours: { status: 201, body: expect.stringContaining('"address":"localhost:1"') as string },
    });
    await differs("listen", ["POST", "/proxies", { name: "l", upstream }], {
      real: { body: expect.stringContaining('"listen":"[::]:') as string },
      ours: { body: expect.stringContaining('"listen":"127.0.0.1:') as string },
    });
    await sides.begin();
    await differs(
      "populate",
      ["POST", "/populate", [1, 2].map(() => ({ name: "twice", listen: "127.0.0.1:0", upstream }))],
      {
        real: { status: 201 },
        ours: refused,
      },
    );
    const kept = await Promise.all(
      sides.both.map(async (side) => {
        const edge = JSON.parse((await ask(side, "GET", "/proxies/edge")).body) as object;
        const { body } = await ask(side, "POST", "/populate", [{ ...edge, enabled: false }]);
        return (JSON.parse(body) as { proxies: { enabled: boolean }[] }).proxies[0]?.enabled;
      }),
    );
    expect(kept).toEqual([true, false]);

    await differs("slashes", ["GET", "/proxies/"], { real: { status: 404 }, ours: done });
    await differs("slashes", ["GET", "//proxies"], { real: { status: 301 }, ours: done });
    await differs("HEAD", ["HEAD", "/version"], { real: { status: 405 }, ours: done });
    for (const side of sides.both)
      await ask(side, "POST", "/proxies", { name: "a/b", listen: "127.0.0.1:0", upstream });
    await differs("names", ["GET", "/proxies/a%2Fb"], { real: { status: 404 }, ours: done });
    const noBrowser = { status: 403 };
    await differs("browsers", ["GET", "/proxies", undefined, { origin: "http://evil.example" }], {
      real: done,
      ours: noBrowser,
    });
    await differs("browsers", ["GET", "/proxies", undefined, { host: "evil.example" }], {
      real: done,
      ours: noBrowser,
    });
    await differs("browsers", ["GET", "/nowhere", undefined, { "user-agent": "Mozilla/5.0" }], {
      real: { status: 404 },
      ours: noBrowser,
    });
  });

  test("of metrics: the same names and labels, but live", async () => {
    await sides.begin();
    const [realAddress, ourAddress] = [await listenOf(sides.real), await listenOf(sides.ours)];
    const samples = async (side: Side): Promise<readonly string[]> =>
      (await ask(side, "GET", "/metrics")).body
        .split("\n")
        .filter(
          (line) =>
            line.startsWith("toxiproxy_proxy_") && line.includes('proxy="edge"') && line.includes(upstream),
        )
        .map((line) =>
          line
            .replace(/listener="[^"]*"/, "listener")
            .replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").toSorted().join()}}`),
        )
        .toSorted();
    {
      await using plain = await startToxiproxy();
      expect((await ask(plain, "GET", "/metrics")).status).toBe(404); // without its flag
    }
    const clients = [await connectTo(realAddress), await connectTo(ourAddress)];
    for (const client of clients) await client.roundTrip("12345");
    expect(await samples(sides.real)).toEqual([]);
    expect(await samples(sides.ours)).toHaveLength(4);
    seen.add("metrics");
    for (const client of clients) {
      client.socket.end();
      await client.ended();
    }
    await waitFor(
      { what: "Toxiproxy has counted", withinMs: 5_000 },
      async () => (await samples(sides.real)).length === 4,
    );
    expect(await samples(sides.ours)).toEqual(await samples(sides.real));
  });
});

test("each difference of answers was seen", () => {
  expect([...seen].toSorted()).toEqual(intended.answers.toSorted());
});
