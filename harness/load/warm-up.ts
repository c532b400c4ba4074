import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { devNull } from "node:os";
import { systemClock } from "../base/clock.ts";
import { arrivalsOf, drive } from "./drive.ts";
import type { LoadPlan } from "./driver.ts";
import type { Journey } from "./journey.ts";
import type { StartClock } from "./start-clock.ts";

/**
 * Drives a small load at a server of this process itself, so that the first journeys of a plan find the code loaded and
 * compiled: cold, the first tenth of a second of starts was late by 30 to 60 ms. Takes about a tenth of a second; before a
 * fast load about one, until V8 has made the code as fast as it will be: cold, the driver itself could not keep up at first.
 */
export async function warmUp(clock: StartClock, isFast: boolean): Promise<void> {
  // On plain sockets: node:http would bring itself and an HTTP client into memory, for nothing else.
  const server = createServer((socket) => {
    socket.on("data", () => socket.write(answer)).on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const never = new AbortController().signal;
  const plan: LoadPlan = {
    journeysModule: import.meta.filename,
    mix: { twoSteps: 1 },
    arrivals: { kind: "poisson", ratePerSecond: 2_000, durationMs: isFast ? 1_000 : 75 },
    seed: "warm-up",
    baseUrl: `http://127.0.0.1:${port}`,
    historyFile: devNull,
    histogramsFile: devNull,
    maxConnections: 16,
    timeoutMs: 1_000,
  };
  await drive({
    plan,
    startAtMs: systemClock.nowMs(),
    journeys: { twoSteps },
    arrivals: arrivalsOf(plan),
    clock,
    onNews: () => undefined,
    stop: never,
    cut: never,
  });
  server.close();
}

/** Each request is small enough to come in one piece. */
const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}';

const twoSteps: Journey = async ({ http, random }) => {
  await http.get("get", `/?draw=${random.integer(0, 9)}`);
  await http.post("post", "/", {
    body: { items: [1] },
    told: ({ status }) => ({ status }),
  });
};
