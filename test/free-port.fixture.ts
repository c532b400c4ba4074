import { createServer } from "node:net";

/**
 * Ports below those that systems give to outgoing connections, and that fleets take: nobody who asks for any port can get
 * one of these between its choice and its use. Test files that run at once draw from different parts of the range.
 */
const firstPort = 4_000;
const endPort = 12_000;
const portsPerWorker = 500;
/** Those of the range that `fetch` refuses to ask: https://fetch.spec.whatwg.org/#port-blocking */
const refused: ReadonlySet<number> = new Set([
  4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);

const worker = Number(process.env["VITEST_POOL_ID"] ?? 0);
const from = firstPort + ((worker * portsPerWorker) % (endPort - firstPort));
/** Not from the start, where the file that ran before may have just left its own. */
let drawn = process.pid % portsPerWorker;

/** A port of 127.0.0.1 where nobody listens, and nobody else in the tests will. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < portsPerWorker; tries += 1) {
    drawn = (drawn + 1) % portsPerWorker;
    const port = from + drawn; // now: another call may draw while this one waits
    if (!refused.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port from ${from} to ${from + portsPerWorker - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
