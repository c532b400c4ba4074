import { connect, type Socket } from "node:net";
import { once } from "node:events";

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const request = Buffer.from("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
/** So few that they take some milliseconds: what else the machine does in that time falls on all arms alike. */
const askedInARow = 50;
const warmUpTurns = 40;

/**
 * Asks every arm in turns, a few requests each, one at a time on one kept-alive connection an arm, and tells each arm's
 * percentiles over all its turns. What disturbs the machine for longer than a turn so counts for each arm alike.
 * @param turns how many for each arm; percentiles are over 50 times as many requests
 */
export async function alternate<Arm extends string>(
  ports: Readonly<Record<Arm, number>>,
  turns: number,
): Promise<Readonly<Record<Arm, Latency>>> {
  const arms = Object.keys(ports) as Arm[];
  const runs = await Promise.all(
    arms.map(async (arm) => ({
      arm,
      socket: await open(ports[arm]),
      tookMs: new Float64Array(turns * askedInARow),
      count: 0,
    })),
  );
  for (let turn = -warmUpTurns; turn < turns; turn += 1) {
    const first = Math.abs(turn) % runs.length; // each arm follows each place in the order as often
    for (const run of [...runs.slice(first), ...runs.slice(0, first)])
      for (let asked = 0; asked < askedInARow; asked += 1) {
        const tookMs = await ask(run.socket);
        if (turn >= 0) run.tookMs[run.count++] = tookMs;
      }
  }
  for (const { socket } of runs) socket.destroy();
  return Object.fromEntries(runs.map(({ arm, tookMs }) => [arm, percentiles(tookMs)])) as Record<
    Arm,
    Latency
  >;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** The answer is so short that it comes in one piece. @returns milliseconds until it is there */
function ask(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const heard = (answer: Buffer): void => {
      const tookMs = performance.now() - startedMs;
      socket.off("close", lost);
      if (answer.includes("HTTP/1.1 200")) resolve(tookMs);
      else reject(new Error(`answered: ${answer.toString("latin1")}`));
    };
    const lost = (): void => reject(new Error("the connection ended"));
    socket.once("data", heard);
    socket.once("close", lost);
    socket.write(request);
  });
}

function percentiles(values: Float64Array): Latency {
  const sorted = values.toSorted();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
