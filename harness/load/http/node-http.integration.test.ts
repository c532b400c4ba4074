import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { createClient } from "./client.ts";
import { answerArbitrary, mutatedArbitrary } from "./fixtures/answers.ts";
import { startRawServer } from "./fixtures/raw-server.ts";

/** The other reader and writer of HTTP/1.1 at hand, of which nothing here is made: Node's own. */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Script {
  readonly method: "GET" | "POST" | "PUT" | "HEAD";
  readonly asked: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly pieces: readonly string[];
  readonly isLengthGiven: boolean;
  readonly isClosing: boolean;
  readonly isFlushed: boolean;
}

const plain = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
const script: fc.Arbitrary<Script> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "HEAD"),
  asked: fc.string({ unit: "grapheme" }),
  status: fc.constantFrom(200, 201, 204, 304, 404, 500),
  headers: fc.array(fc.tuple(fc.constantFrom("x-a", "X-B", "set-cookie"), plain), { maxLength: 4 }),
  pieces: fc.array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ minLength: 1, maxLength: 3 }).map((part) => part.repeat(30_000)),
    ),
    { maxLength: 4 },
  ),
  isLengthGiven: fc.boolean(),
  isClosing: fc.boolean(),
  isFlushed: fc.boolean(),
});

it("what Node's server answers is read as it was written, and Node's server reads what was asked", async () => {
  const asked: { method: string | undefined; body: string }[] = [];
  let now: Script | undefined;
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      asked.push({ method: incoming.method, body });
      answer(now as Script, response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createClient({ baseUrl, maxConnections: 1, timeoutMs: 10_000 });
  closing.unshift(() => client.close());

  await fc.assert(
    fc.asyncProperty(script, async (next) => {
      now = next;
      const { method, asked: body, status, headers, pieces } = next;
      const hasBody = method !== "GET" && method !== "HEAD";
      const exchange = await client.exchange({
        method,
        path: "/",
        headers: {},
        ...(hasBody ? { body } : {}),
      });
      expect(asked.pop()).toEqual({ method, body: hasBody ? body : "" });
      const isBodyless = method === "HEAD" || status === 204 || status === 304;
      expect(exchange).toMatchObject({ kind: "answered", status, text: isBodyless ? "" : pieces.join("") });
      if (exchange.kind !== "answered") return;
      for (const name of ["x-a", "x-b", "set-cookie"]) {
        const values = headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
        expect([exchange.headers[name] ?? []].flat()).toEqual(values);
      }
    }),
    { numRuns: 200 },
  );
  expect(client.unaskedBytes).toBe(0);
});

function answer(
  { status, headers, pieces, isLengthGiven, isClosing, isFlushed }: Script,
  to: ServerResponse,
) {
  to.statusCode = status;
  for (const [name, value] of headers) to.appendHeader(name, value);
  if (isLengthGiven) to.setHeader("content-length", Buffer.byteLength(pieces.join("")));
  if (isClosing) to.setHeader("connection", "close");
  if (isFlushed) to.flushHeaders();
  for (const piece of pieces) to.write(piece);
  to.end();
}

it("an answer with something changed that is taken, Node's client does not take for another", async () => {
  let now: Buffer = Buffer.alloc(0);
  await using server = await startRawServer((socket) => socket.end(now));
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const seen = { same: 0, refusedByNode: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutatedArbitrary, answerArbitrary), async ({ bytes, method }) => {
      now = bytes;
      const client = createClient({ baseUrl, maxConnections: 1, timeoutMs: 10_000 });
      const exchange = await client.exchange({ method, path: "/", headers: {} });
      await client.close();
      if (exchange.kind !== "answered") return void (seen.refused += 1);
      const byNode = await askByNode(baseUrl, method);
      if (byNode === undefined) return void (seen.refusedByNode += 1);
      seen.same += 1;
      expect({ status: exchange.status, text: exchange.text }).toEqual(byNode);
    }),
    { numRuns: 600 },
  );
  // Node refuses some blanks around extensions, and some trailers.
  expect(seen.same).toBeGreaterThan(100);
  expect(seen.refused).toBeGreaterThan(100);
  expect(seen.refusedByNode).toBeLessThan(seen.same / 2);
});

/** @returns `undefined` when Node's client refuses the answer */
async function askByNode(
  baseUrl: string,
  method: string,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  const asking = request(baseUrl, { method, agent: false });
  // Bytes after a whole answer are an error to Node; before the answer, `once` throws it.
  asking.on("error", () => undefined).end();
  try {
    const [incoming] = (await once(asking, "response")) as [IncomingMessage];
    return { status: incoming.statusCode as number, text: await text(incoming) };
  } catch {
    return undefined;
  }
}
