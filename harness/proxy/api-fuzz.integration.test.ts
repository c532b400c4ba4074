import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { Client } from "undici";
import { expect, it } from "vitest";
import { startServer, type ProxyJson } from "./proxy.fixture.ts";

/** 10,000 bodies that are nearly right: mutants of right ones, in their text or in their values. */
const batches = 100;
const batchSize = 100;

const upstream = "127.0.0.1:1";
const toxic = {
  type: "latency",
  name: "t",
  stream: "upstream",
  toxicity: 0.5,
  attributes: { latency: 5, jitter: 1 },
};
const requests = [
  ["POST", "/proxies", { name: "b", upstream, enabled: true, toxics: [toxic] }],
  [
    "POST",
    "/populate",
    [
      { name: "edge", upstream, toxics: [toxic] },
      { name: "c", upstream, enabled: false },
    ],
  ],
  ["PATCH", "/proxies/edge", { upstream, enabled: true, name: "edge" }],
  ["POST", "/proxies/edge/toxics", toxic],
  [
    "POST",
    "/proxies/edge/toxics",
    { type: "slicer", attributes: { average_size: 5, size_variation: 2, delay: 9 } },
  ],
  ["POST", "/proxies/edge/toxics", { type: "bandwidth", attributes: { rate: 7 }, ttl_ms: 50 }],
  [
    "PATCH",
    "/proxies/edge/toxics/kept",
    { toxicity: 0.1, attributes: { latency: 1, distribution: "normal" } },
  ],
  ["PUT", "/leases/run", { ttl_ms: 5_000 }],
] as const;

// No text of these is an address: a name would be looked up, and none of ours should listen just anywhere.
const strangers = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    0.5,
    7,
    1e308,
    2 ** 53,
    [],
    {},
    [[]],
    { a: 1 },
    "",
    " ",
    "a",
    "\0",
    "\ud800",
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => text.replaceAll(":", "")),
  fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).map((value) => value),
);

/** Replaces, drops or renames one member, wherever it is. */
const mutant = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== "object" || value === null) return strangers;
  const members: readonly (readonly [string, unknown])[] = Object.entries(value);
  const rebuilt = (entries: readonly (readonly [string, unknown])[]): unknown =>
    Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
  return fc.oneof(
    { weight: 1, arbitrary: strangers },
    {
      weight: 6,
      arbitrary: fc
        .nat({ max: members.length })
        .chain((at) => {
          const [key, member] = members[at] ?? ["extra", "extra"];
          return fc.tuple(
            fc.constant(at),
            fc.oneof(
              {
                weight: 4,
                arbitrary: mutant(member).map((changed): [string, unknown][] => [[key, changed]]),
              },
              { weight: 1, arbitrary: fc.constant<[string, unknown][]>([]) },
              {
                weight: 1,
                arbitrary: fc
                  .constantFrom(`${key}s`, key.toUpperCase(), "__proto__", "constructor", "")
                  .map((name): [string, unknown][] => [[name, member]]),
              },
            ),
          );
        })
        .map(([at, changed]) => rebuilt([...members.slice(0, at), ...changed, ...members.slice(at + 1)])),
    },
  );
};

/** Cuts a piece out of a text and puts another in its place. */
const mutantText = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.nat({ max: text.length }),
      fc.nat({ max: 12 }),
      fc.oneof(
        fc.constantFrom(
          "",
          '"',
          "{",
          "}}",
          "[",
          ",",
          "\\",
          "\\u12",
          "1e999",
          "-",
          "NaN",
          "null",
          "//",
          "\0",
          "{".repeat(50),
        ),
        fc.string({ maxLength: 4 }),
      ),
    )
    .map(([at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length));

const calls = fc.constantFrom(...requests).chain(([method, path, body]) =>
  fc
    .oneof(
      mutantText(JSON.stringify(body)),
      mutant(body).map((value) => JSON.stringify(value) ?? ""),
    )
    .map((text) => ({ method, path, text })),
);

function collectedHeapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

it("10,000 malformed bodies are answered by what was wrong, or done; nothing crashes, hangs or grows", async () => {
  await using proxy = await startServer();
  const client = new Client(proxy.server.url, { pipelining: 20, bodyTimeout: 5_000, headersTimeout: 5_000 });
  const ask = async ({
    method,
    path,
    text,
  }: {
    method: "POST" | "PATCH" | "PUT";
    path: string;
    text: string;
  }) => {
    const { statusCode, body } = await client.request({ method, path, body: text, idempotent: true });
    return { text, statusCode, answer: await body.text() };
  };
  const begin = async (): Promise<void> => {
    for (const name of Object.keys((await proxy.expectOk("GET", "/proxies")) as Record<string, ProxyJson>))
      await proxy
        .expectOk("DELETE", `/proxies/${encodeURIComponent(name.toWellFormed())}`)
        .catch(() => undefined);
    await proxy.call("POST", "/proxies", {
      name: "edge",
      upstream,
      toxics: [{ type: "latency", name: "kept" }],
    });
  };
  let refused = 0;
  let done = 0;
  let heapBytes = 0;
  let batch = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(calls, { minLength: batchSize, maxLength: batchSize }), async (given) => {
      await begin();
      for (const { text, statusCode, answer } of await Promise.all(given.map(ask))) {
        const what = `${text} was answered ${statusCode} ${answer}`;
        if (statusCode === 204) expect(answer, what).toBe("");
        else JSON.parse(answer);
        if (statusCode >= 400) {
          refused += 1;
          expect([400, 404, 409], what).toContain(statusCode);
          expect((JSON.parse(answer) as { error: string }).error, what).not.toBe("");
        } else done += 1;
      }
      batch += 1;
      if (batch === batches / 2) heapBytes = collectedHeapBytes();
    }),
    { numRuns: batches, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  );
  expect(refused + done).toBe(batches * batchSize);
  expect(refused).toBeGreaterThan(done);
  expect(done).toBeGreaterThan(0);
  expect(collectedHeapBytes() - heapBytes).toBeLessThan(15_000_000);
  await client.close();
}, 90_000);
