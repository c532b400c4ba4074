import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP forwarder that a test can break: the wire between a service and its database. */
export interface Wire extends AsyncDisposable {
  readonly port: number;
  /** From now on nothing passes, on old connections and new ones; nobody is told. */
  swallow(): void;
  /** New connections work again; those that were swallowed stay so. */
  heal(): void;
  /** Resets every connection. */
  reset(): void;
  /** How many connections have been made. */
  readonly connections: () => number;
}

export async function startWire(upstreamPort: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let swallows = false;
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(upstreamPort, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      let isSwallowed = false;
      from.on("data", (part) => {
        isSwallowed ||= swallows;
        if (!isSwallowed) to.write(part);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    swallow: () => void (swallows = true),
    heal: () => void (swallows = false),
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
