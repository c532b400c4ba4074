import { createServer, connect, type Server, type Socket } from "node:net";
import { parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import { startProxyServer, type ProxyServerOptions } from "./proxy-server.ts";

/** A real peer for tests: a TCP server on a free port. */
export interface Peer extends AsyncDisposable {
  readonly address: Address;
  /** Sockets accepted so far, open or not. */
  readonly sockets: readonly Socket[];
}

export async function startPeer(onConnection: (socket: Socket) => void = echo): Promise<Peer> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no address");
  return {
    address: { host: bound.address, port: bound.port },
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function echo(socket: Socket): void {
  socket.pipe(socket);
}

/** A client's end of a connection: what it has received, and how it ended. */
export interface Client extends Disposable {
  readonly socket: Socket;
  readonly received: Buffer;
  readonly chunks: readonly Buffer[];
  readonly end: "fin" | "reset" | undefined;
  /** Sends, and gives the milliseconds until that many bytes more have come back. */
  roundTrip(data: Buffer | string): Promise<number>;
  /** @throws {SQUALL_TIMEOUT} when it has not ended within 10 s */
  ended(): Promise<"fin" | "reset">;
}

export async function connectTo({ host, port }: Address): Promise<Client> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  let end: "fin" | "reset" | undefined;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("end", () => (end ??= "fin"));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => (end ??= "reset"));
  const client: Client = {
    socket,
    chunks,
    get received() {
      return Buffer.concat(chunks);
    },
    get end() {
      return end;
    },
    async roundTrip(data) {
      const expected = client.received.length + Buffer.from(data).length;
      const startedMs = performance.now();
      const back = new Promise<void>((resolve, reject) => {
        const onClose = (): void => reject(new Error("closed before the answer"));
        const onData = (): void => {
          if (client.received.length < expected) return;
          socket.off("data", onData).off("close", onClose);
          resolve();
        };
        socket.on("data", onData).once("close", onClose);
      });
      socket.write(data);
      await back;
      return performance.now() - startedMs;
    },
    ended: () => waitFor({ what: "the connection ends", withinMs: 10_000, everyMs: 5 }, () => end),
    [Symbol.dispose]: () => void socket.destroy(),
  };
  return client;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
  /** The answer, where it is JSON. */
  readonly json: unknown;
}

export interface ToxicJson {
  readonly name: string;
  readonly type: string;
  readonly stream: string;
  readonly toxicity: number;
  readonly attributes: Readonly<Record<string, number>>;
  readonly lease: string | null;
  readonly expires_in_ms: number | null;
  readonly affected: { readonly connections: number; readonly bytes: number };
}

export interface ProxyJson {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly ToxicJson[];
  readonly upstreams: readonly {
    readonly address: string;
    readonly state: "up" | "down";
    readonly connections: number;
  }[];
  readonly draining: readonly { readonly address: string; readonly connections: number }[];
  readonly health: unknown;
  readonly expires_in_ms?: number;
}

export interface EvidenceJson {
  readonly proxies: readonly {
    readonly name: string;
    readonly connections: number;
    readonly open_connections: number;
    readonly upstream_failures: number;
    readonly upstream_bytes: number;
    readonly downstream_bytes: number;
  }[];
  readonly faults: readonly {
    readonly id: string;
    readonly proxy: string;
    readonly name: string;
    readonly type: string;
    readonly lease: string | null;
    readonly started_at_ms: number;
    readonly ended_at_ms: number | null;
    readonly ended_by: string | null;
    readonly affected: { readonly connections: number; readonly bytes: number };
  }[];
}

/** A proxy server, and a way to talk to its API. */
export async function startServer(options: ProxyServerOptions = {}) {
  const server = await startProxyServer(options);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> => {
    const response = await fetch(server.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const contentType = response.headers.get("content-type");
    return {
      status: response.status,
      contentType,
      text,
      json: contentType?.startsWith("application/json") && text !== "" ? JSON.parse(text) : undefined,
    };
  };
  const expectOk = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await call(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`);
    return reply.text === "" ? undefined : reply.json;
  };
  return {
    server,
    call,
    expectOk,
    /** Creates a proxy and gives the address it listens on. */
    async proxyTo(upstream: Address, name = "edge"): Promise<Address> {
      const created = (await expectOk("POST", "/proxies", {
        name,
        upstream: `${upstream.host}:${upstream.port}`,
      })) as ProxyJson;
      const listen = parseAddress(created.listen);
      if (!listen) throw new Error(`no address: ${created.listen}`);
      return listen;
    },
    addToxic: async (toxic: unknown, proxy = "edge") =>
      (await expectOk("POST", `/proxies/${proxy}/toxics`, toxic)) as ToxicJson,
    toxic: async (name: string, proxy = "edge") =>
      (await expectOk("GET", `/proxies/${proxy}/toxics/${name}`)) as ToxicJson,
    removeToxic: (name: string, proxy = "edge") => expectOk("DELETE", `/proxies/${proxy}/toxics/${name}`),
    evidence: async () => (await expectOk("GET", "/evidence")) as EvidenceJson,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
