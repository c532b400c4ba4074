import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * What a relay does with its connections: hand everything on; refuse and break them; or hand on what is asked and swallow
 * the answers (from the first request on that contains `to`, where it is given), as a peer does that acts and is not heard.
 */
export type RelayMode =
  | { readonly kind: "pass" }
  | { readonly kind: "cut" }
  | { readonly kind: "swallow-answers"; readonly to?: string }
  | { readonly kind: "delay"; readonly requestsMs: number };

/** A TCP relay that a test puts on an edge to break it. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Counts for open connections, too; ending a silence breaks those that lived in it. */
  become(mode: RelayMode): void;
}

export async function startTcpRelay(upstreamPort: number): Promise<TcpRelay> {
  let mode: RelayMode = { kind: "pass" };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    if (mode.kind === "cut") return void client.destroy();
    const upstream = connect(upstreamPort, "127.0.0.1");
    let isMute = false;
    client.on("data", (chunk) => {
      if (mode.kind === "swallow-answers" && chunk.includes(mode.to ?? "")) isMute = true;
      if (mode.kind === "delay") setTimeout(() => upstream.write(chunk), mode.requestsMs);
      else upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (!isMute) client.write(chunk);
    });
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        open.delete(socket);
        peer.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    become(next) {
      if (next.kind === "cut" || mode.kind === "swallow-answers") breakAll();
      mode = next;
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      server.close();
      await once(server, "close");
    },
  };
}
