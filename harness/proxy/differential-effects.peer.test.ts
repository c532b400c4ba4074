import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { waitFor } from "../base/wait.ts";
import {
  ask,
  intended,
  listenOf,
  startSides,
  startToxiproxy,
  textOf,
  type Difference,
  type Side,
} from "./differential.fixture.ts";
import { connectTo, startPeer, type Client } from "./proxy.fixture.ts";

const seen = new Set<Difference>();
let sides: Awaited<ReturnType<typeof startSides>>;

beforeAll(async () => {
  sides = await startSides();
});
afterAll(() => sides[Symbol.asyncDispose]());

/** What a client saw of its connection. */
interface Outcome {
  readonly bytes: string;
  readonly end: "fin" | "reset" | "open";
}

function outcomeOf(client: Client): Outcome {
  const digest = createHash("sha256").update(client.received).digest("hex").slice(0, 8);
  return { bytes: `${client.received.length} bytes, ${digest}`, end: client.end ?? "open" };
}

type Scenario = (client: Client, side: Side) => Promise<void>;

/** Plays a scenario against both, each with toxics in place before its connection. */
async function play(
  toxics: readonly unknown[],
  scenario: Scenario,
  to = sides.upstream,
): Promise<{ real: Outcome; ours: Outcome }> {
  await sides.begin(toxics, to);
  const outcomes: Outcome[] = [];
  for (const side of sides.both) {
    using client = await connectTo(await listenOf(side));
    await scenario(client, side);
    outcomes.push(outcomeOf(client));
  }
  const [one, other] = outcomes;
  if (!one || !other) throw new Error("no outcome");
  return { real: one, ours: other };
}

const random = createRandom("differential");
const payload = Buffer.from(Array.from({ length: 200_000 }, () => random.integer(0, 256)));

async function received(client: Client, sizeBytes: number): Promise<void> {
  await waitFor(
    { what: `${sizeBytes} bytes arrive`, withinMs: 10_000 },
    () => client.received.length >= sizeBytes,
  );
}

const latency = { type: "latency", attributes: { latency: 100 } };

describe("effects", () => {
  const bothEchoAll: Scenario = async (client) => {
    client.socket.write(payload);
    await received(client, payload.length);
    client.socket.end();
    await client.ended();
  };
  test.each([
    ["nothing", []],
    ["noop", [{ type: "noop" }]],
    ["latency", [{ type: "latency", attributes: { latency: 20, jitter: 10 } }]],
    ["latency both ways", ["upstream", "downstream"].map((stream) => ({ ...latency, stream }))],
    ["slicer", [{ type: "slicer", attributes: { average_size: 5_000, size_variation: 1_000, delay: 10 } }]],
    ["bandwidth", [{ type: "bandwidth", stream: "upstream", attributes: { rate: 2_000 } }]],
    ["slow_close", [{ type: "slow_close", attributes: { delay: 100 } }]],
    ["a limit that is not reached", [{ type: "limit_data", attributes: { bytes: 1_000_000 } }]],
    [
      "a chain",
      [
        latency,
        { type: "slicer", attributes: { average_size: 9_000 } },
        { type: "bandwidth", attributes: { rate: 3_000 } },
      ],
    ],
    [
      "toxics that take no connection",
      [
        { type: "timeout", toxicity: 0 },
        { type: "limit_data", toxicity: 0 },
      ],
    ],
  ])("of %s on 200 KB: the same bytes in the same order, and the same end", async (_, toxics) => {
    const outcome = await play(toxics, bothEchoAll);
    expect(outcome.ours).toEqual(outcome.real);
    expect(outcome.ours.bytes).toMatch(/^200000 bytes/);
  });

  test.each([
    ["latency", { latency: 200 }, 199],
    ["bandwidth", { rate: 50 }, 350],
    ["slow_close", { delay: 250 }, 249],
  ])("of %s %j: no sooner than it says", async (type, attributes, leastMs) => {
    const outcome = await play([{ type, attributes }], async (client) => {
      const startedMs = performance.now();
      client.socket.write(payload.subarray(0, 20_000));
      await received(client, 20_000);
      client.socket.end();
      await client.ended();
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(leastMs);
    });
    expect(outcome.ours).toEqual(outcome.real);
  });

  test.each([
    ["limit_data", { bytes: 1_000 }, /^1000 bytes.*/, "fin"],
    ["timeout", { timeout: 150 }, /^0 bytes/, "fin"],
    ["reset_peer", { timeout: 100 }, /^0 bytes/, "reset"],
  ])("of %s %j on a new connection", async (type, attributes, bytes, end) => {
    const outcome = await play([{ type, attributes }], async (client) => {
      client.socket.write(payload.subarray(0, 5_000));
      await client.ended();
    });
    expect(outcome.ours).toEqual(outcome.real);
    expect(outcome.ours).toEqual({ bytes: expect.stringMatching(bytes) as string, end });
  });

  test("of a black hole: nothing arrives and nothing closes", async () => {
    const outcome = await play([{ type: "timeout", attributes: { timeout: 0 } }], async (client) => {
      client.socket.write("gone");
      const startedMs = performance.now();
      await waitFor({ what: "some time", withinMs: 5_000 }, () => performance.now() - startedMs > 400);
    });
    expect(outcome.ours).toEqual(outcome.real);
    expect(outcome.ours).toMatchObject({ end: "open" });
  });

  test("of a toxic that comes and goes while the connection is open", async () => {
    const outcome = await play([], async (client, side) => {
      await client.roundTrip("healthy");
      await ask(side, "POST", "/proxies/edge/toxics", latency);
      expect(await client.roundTrip("slow")).toBeGreaterThanOrEqual(99);
      await ask(side, "PATCH", "/proxies/edge/toxics/latency_downstream", { attributes: { latency: 200 } });
      expect(await client.roundTrip("slower")).toBeGreaterThanOrEqual(199);
      await ask(side, "DELETE", "/proxies/edge/toxics/latency_downstream");
      await client.roundTrip("healthy again");
    });
    expect(outcome.ours).toEqual(outcome.real);
  });

  test.each([
    ["enabled false", "PATCH", "/proxies/edge", { enabled: false }],
    ["another upstream", "PATCH", "/proxies/edge", { upstream: "localhost:1" }],
    ["another listener", "PATCH", "/proxies/edge", { listen: "127.0.0.1:0" }],
    ["deletion", "DELETE", "/proxies/edge", undefined],
  ])("of %s: connections are cut", async (_, method, path, body) => {
    const outcome = await play([], async (client, side) => {
      await client.roundTrip("healthy");
      await ask(side, method, path, body);
      await client.ended();
    });
    expect(outcome.ours).toEqual(outcome.real);
  });

  test("that are meant to differ: toxicity of reset_peer", async () => {
    const outcome = await play([{ type: "reset_peer", toxicity: 0 }], async (client) => {
      await client.roundTrip("untouched");
      client.socket.end();
      await client.ended();
    });
    expect([outcome.real.end, outcome.ours.end]).toEqual(["reset", "fin"]);
    seen.add("toxicity");
  });

  test("that are meant to differ: reset_peer on a live connection", async () => {
    const outcome = await play([], async (client, side) => {
      await client.roundTrip("healthy");
      await ask(side, "POST", "/proxies/edge/toxics", { type: "reset_peer" });
      client.socket.write("more");
      await client.ended();
    });
    expect([outcome.real.end, outcome.ours.end]).toEqual(["fin", "reset"]);
    seen.add("reset_peer");
  });

  test("that are meant to differ: a timeout that swallowed nothing goes", async () => {
    const outcome = await play([], async (client, side) => {
      await client.roundTrip("through"); // a toxic takes no connection that the proxy has not taken yet
      await ask(side, "POST", "/proxies/edge/toxics", { type: "timeout", attributes: { timeout: 0 } });
      await ask(side, "DELETE", "/proxies/edge/toxics/timeout_downstream");
      // Toxiproxy closes in its own time, after its answer; ours has nothing to close.
      if (side === sides.both[0]) await client.ended();
      else await client.roundTrip("still here");
    });
    expect(outcome).toMatchObject({
      real: { end: "fin" },
      ours: { end: "open", bytes: expect.stringMatching(/^17 /) as string },
    });
    seen.add("timeout");
  });

  test("that are meant to differ: an answer after the client's end", async () => {
    await using late = await startPeer((socket: Socket) => {
      socket.resume().on("end", () => setTimeout(() => socket.end("answer"), 100));
    });
    const outcome = await play(
      [],
      async (client) => {
        client.socket.end("all");
        await client.ended();
      },
      textOf(late.address),
    );
    expect(outcome.real.bytes).toMatch(/^0 bytes/);
    expect(outcome.ours).toMatchObject({ bytes: expect.stringMatching(/^6 bytes/) as string, end: "fin" });
    seen.add("half-close");
  });

  test("that are meant to differ: an upstream that refuses", async () => {
    const outcome = await play([], async (client) => void (await client.ended()), "127.0.0.1:1");
    expect([outcome.real.end, outcome.ours.end]).toEqual(["fin", "reset"]);
    seen.add("refused");
  });
});

test("one reader that has stopped hangs Toxiproxy, not us", async () => {
  const block = Buffer.alloc(64 * 1_024, "x");
  await using writer = await startPeer((socket) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on("drain", pour);
    pour();
  });
  await using hanging = await startToxiproxy(); // one of its own, since it does not get well again
  const answered: boolean[] = [];
  for (const side of [hanging, sides.ours]) {
    await ask(side, "DELETE", "/proxies/edge");
    await ask(side, "POST", "/proxies", {
      name: "edge",
      listen: "127.0.0.1:0",
      upstream: textOf(writer.address),
    });
    using client = await connectTo(await listenOf(side));
    await received(client, 1);
    await ask(side, "POST", "/proxies/edge/toxics", { type: "latency", attributes: { latency: 20 } });
    client.socket.pause();
    let before = -1;
    await waitFor({ what: "the path is full", withinMs: 20_000, everyMs: 200 }, () => {
      const now = writer.sockets.at(-1)?.bytesWritten ?? 0;
      const isStill = now === before;
      before = now;
      return isStill;
    });
    const removed = ask(side, "DELETE", "/proxies/edge/toxics/latency_downstream");
    const patience = new Promise<false>((resolve) => setTimeout(() => resolve(false), 2_000));
    answered.push(await Promise.race([removed.then(() => true), patience]));
    removed.catch(() => undefined); // of the one that hangs
  }
  expect(answered).toEqual([false, true]);
  seen.add("hang");
});

test("each difference of effects was seen", () => {
  expect([...seen].toSorted()).toEqual(intended.effects.toSorted());
});
