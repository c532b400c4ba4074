import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { createRandom, type Random } from "../../base/random.ts";
import { waitFor } from "../../base/wait.ts";
import type { CallToxic } from "../toxic.ts";
import { connectTo, startPeer, startServer } from "../proxy.fixture.ts";
import { httpToxic, openHttpSession } from "./http.fixture.ts";

const seed = "fuzz";

const requests = [
  "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n",
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"total": 1}',
  "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
  "PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\nT: 1\r\n\r\n",
  "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\nfff\r\n0\r\n\r\n",
  "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  "\r\n\r\nHEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
];
const replies = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"total": 1}',
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
];
const scraps = [
  "\r\n",
  "\n",
  "\r",
  ": ",
  "\0",
  "HTTP/1.1",
  " ",
  "-1",
  "ffffffffffffffff",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "\x16\x03\x01",
  "[".repeat(3_000),
];

/** A few valid messages with a few random wounds. */
function malformed(random: Random, valid: readonly string[]): Buffer {
  let text = Array.from({ length: random.integer(1, 4) }, () => random.pick(valid)).join("");
  for (let wounds = random.integer(1, 5); wounds > 0; wounds -= 1) {
    const from = random.integer(0, text.length + 1);
    const to = Math.min(text.length, from + random.integer(0, 12));
    const middle = random.pick([
      () => "",
      () => random.pick(scraps),
      () => String.fromCharCode(random.integer(0, 256)),
      () => text.slice(from, to).repeat(2),
    ])();
    text = text.slice(0, from) + middle + text.slice(random.pick([from, to]));
  }
  return Buffer.from(text, "latin1");
}

const everyKind = (): readonly CallToxic[] => [
  httpToxic("http_status", { status: 503, probability: 0.2 }),
  httpToxic("http_delay", { delay: 3_600_000, probability: 0.2 }),
  httpToxic("http_delay", { delay: 3_600_000, before: "piece", probability: 0.2 }),
  httpToxic("http_abort", { probability: 0.1 }),
  httpToxic("http_abort", { when: "after-head", probability: 0.1 }),
  httpToxic("http_lost_response", { then: "hang", probability: 0.2 }),
  httpToxic("http_truncate", { bytes: 3, probability: 0.2 }),
  httpToxic("http_truncate", { bytes: 3, probability: 0.2 }, { stream: "upstream" }),
  httpToxic("http_corrupt", { field: "/total", value: [1] }, { stream: "upstream" }),
  httpToxic("http_corrupt", { bytes: 2 }),
  httpToxic("http_header", { set: { "x-a": "1" } }),
  httpToxic("http_rate_limit", { rate: 1, burst: 3 }),
];

/** Feeds both streams in random pieces, as far as the session takes them, and lets go of what is held. */
function feed(
  session: ReturnType<typeof openHttpSession>,
  random: Random,
  up: Buffer,
  down: Buffer,
  end: () => void,
) {
  const left = { request: up, answer: down };
  while (left.request.length + left.answer.length > 0 && !session.isOver) {
    const side = left.request.length > 0 && random.next() < 0.6 ? "request" : "answer";
    const size = random.integer(1, 200);
    session[side](left[side].subarray(0, size));
    left[side] = left[side].subarray(size);
    if (random.next() < 0.1) session.session.apply([]);
  }
  end();
  if (session.isOver) return;
  session.session.upstream.end("fin");
  session.session.downstream.end("fin");
}

it(`10,000 malformed streams crash nothing, hang nothing and leave nothing behind (seed ${seed})`, () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const random = createRandom(seed);
  const heapBytes: number[] = [];
  const all = everyKind();
  for (let index = 0; index < 10_000; index += 1) {
    const toxics = all.filter(() => random.next() < 0.4);
    const session = openHttpSession(toxics);
    const [up, down] = [malformed(random, requests), malformed(random, replies)];
    feed(session, random, up, down, () => session.session.apply([]));
    const { upstream, downstream } = session.endings;
    if (!session.isOver && (upstream.length === 0 || downstream.length === 0))
      throw new Error(
        `stream ${index} hangs: ${JSON.stringify([up.toString("latin1"), down.toString("latin1"), toxics.map(({ type, attributes }) => [type, attributes])])}`,
      );
    if (index % 2_500 === 0) {
      collect();
      heapBytes.push(process.memoryUsage().heapUsed);
    }
  }
  collect();
  const [, second = 0] = heapBytes;
  expect(process.memoryUsage().heapUsed - second).toBeLessThan(8_000_000);
});

it(`a fault that takes nothing leaves malformed streams as they are (seed ${seed})`, () => {
  const random = createRandom(`${seed}/untaken`);
  const never = httpToxic("http_status", { status: 503, match: "/never" });
  for (let index = 0; index < 3_000; index += 1) {
    const session = openHttpSession([never]);
    const [up, down] = [malformed(random, requests), malformed(random, replies)];
    feed(session, random, up, down, () => undefined);
    expect(session.sent("upstream")).toBe(up.toString("latin1"));
    expect(session.sent("downstream")).toBe(down.toString("latin1"));
    expect(session.endings).toEqual({ upstream: ["fin"], downstream: ["fin"] });
  }
});

it(`malformed streams over sockets: each connection ends, and the proxy serves on (seed ${seed})`, async () => {
  const random = createRandom(`${seed}/sockets`);
  await using proxy = await startServer({ seed });
  await using peer = await startPeer((socket) => {
    socket.once("data", () => socket.end(malformed(random, replies)));
    socket.on("end", () => socket.end());
  });
  const listen = await proxy.proxyTo(peer.address);
  for (const [type, attributes] of [
    ["http_status", { status: 503, probability: 0.2 }],
    ["http_truncate", { bytes: 3, probability: 0.2 }],
    ["http_duplicate", { probability: 0.5 }],
    ["http_corrupt", { bytes: 2, probability: 0.5 }],
  ] as const)
    await proxy.addToxic({ type, attributes });
  for (let batch = 0; batch < 10; batch += 1)
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        using client = await connectTo(listen);
        client.socket.end(malformed(random, requests));
        await client.ended();
      }),
    );
  await waitFor(
    { what: "all connections are gone", withinMs: 5_000 },
    async () => (await proxy.evidence()).proxies[0]?.open_connections === 0,
  );
});
