import { Agent, createServer, request, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { Address } from "../../base/address.ts";
import { createRandom } from "../../base/random.ts";
import { CallSelection } from "../call-selection.ts";
import { FaultLedger } from "../fault-ledger.ts";
import { connectTo, startPeer, startServer } from "../proxy.fixture.ts";
import type { CallToxic, Stream } from "../toxic.ts";
import { toxicKinds } from "../toxics/registry.ts";
import type { Ending } from "../toxics/toxic-kind.ts";
import { HttpSession } from "./http-session.ts";

/** A request as the callee got it. */
export interface Served {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Which of the callee's connections it came on, from 0. */
  readonly connection: number;
}

/** A real HTTP server on a free port, which remembers what it was asked. By default it answers what it got, as JSON. */
export async function startCallee(listener?: RequestListener) {
  const served: Served[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", () => undefined);
    request.on("end", () => {
      const { method = "", url: path = "", headers, socket } = request;
      const connection = sockets.indexOf(socket);
      served.push({ method, path, headers, body: Buffer.concat(parts).toString(), connection });
      if (listener) return listener(request, response);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method, path, total: 42, body: Buffer.concat(parts).toString() }));
    });
  });
  const sockets: unknown[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no address");
  return {
    server,
    served,
    get connections() {
      return sockets.length;
    },
    address: { host: bound.address, port: bound.port },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly tookMs: number;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** A client with one kept-alive connection. */
export function callerOf({ host, port }: Address) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const call = (method: string, path: string, options: CallOptions = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { headers = {}, body, timeoutMs = 10_000 } = options;
      const startedMs = performance.now();
      const outgoing = request({ host, port, agent, method, path, headers }, (incoming) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(parts).toString(),
            tookMs: performance.now() - startedMs,
          }),
        );
      });
      outgoing.on("error", reject);
      outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error("the caller gave up")));
      outgoing.end(body);
    });
  return {
    call,
    /** The status, or the code of the error that the caller sees. */
    outcome: (method: string, path: string, options?: CallOptions): Promise<number | string> =>
      call(method, path, options).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

export interface CountsJson {
  readonly matched: { readonly requests: number; readonly connections: number };
  readonly drawn: { readonly requests: number; readonly connections: number };
  readonly affected: { readonly requests: number; readonly connections: number; readonly bytes: number };
  readonly unreadable_connections: number;
}

/** A caller, a proxy and a callee, the path between them proved healthy. */
export async function startPath(listener?: RequestListener) {
  await using stack = new AsyncDisposableStack();
  const proxy = stack.use(await startServer({ seed: "http" }));
  const callee = stack.use(await startCallee(listener));
  const listen = await proxy.proxyTo(callee.address);
  const caller = stack.use(callerOf(listen));
  const healthy = await caller.call("GET", "/healthy");
  if (healthy.status >= 500) throw new Error(`the healthy path answered ${healthy.status}`);
  callee.served.length = 0;
  const owned = stack.move();
  return {
    proxy,
    callee,
    listen,
    ...caller,
    add: (type: string, attributes: object = {}, more: object = {}) =>
      proxy.addToxic({ type, name: "it", attributes, ...more }),
    counts: async (name = "it") =>
      (await proxy.expectOk("GET", `/proxies/edge/toxics/${name}`)) as CountsJson,
    /** [matched, drawn, affected] requests */
    requests: async (name = "it") => {
      const { matched, drawn, affected } = (await proxy.expectOk(
        "GET",
        `/proxies/edge/toxics/${name}`,
      )) as CountsJson;
      return [matched.requests, drawn.requests, affected.requests];
    },
    remove: () => proxy.removeToxic("it"),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export type Path = Awaited<ReturnType<typeof startPath>>;

/** A raw client through a proxy to a raw callee, whose every connection is given `onConnection`. */
export async function startRawPath(onConnection: Parameters<typeof startPeer>[0]) {
  await using stack = new AsyncDisposableStack();
  const proxy = stack.use(await startServer({ seed: "http" }));
  const peer = stack.use(await startPeer(onConnection));
  const listen = await proxy.proxyTo(peer.address);
  const client = stack.use(await connectTo(listen));
  const owned = stack.move();
  return { proxy, peer, listen, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

let toxicCount = 0;

/** A fault of HTTP calls without a proxy around it. */
export function httpToxic(
  type: string,
  given: Readonly<Record<string, unknown>> = {},
  { stream, ledger = new FaultLedger(), seed = "http" }: ToxicOptions = {},
): CallToxic {
  const kind = toxicKinds.get(type);
  if (kind?.protocol === undefined) throw new Error(`no fault of calls: ${type}`);
  toxicCount += 1;
  const name = `${type}_${toxicCount}`;
  const attributes = kind.attributes.parse(given);
  const common = { name, type, stream: stream ?? kind.streams[0], toxicity: 1, attributes, lease: undefined };
  const fault = ledger.begin({ ...common, proxy: "edge" });
  const random = createRandom(seed).fork(type);
  const selection = new CallSelection({ kind, attributes, fault, random, hasFired: () => false });
  return { ...common, kind, fault, selection };
}

interface ToxicOptions {
  readonly stream?: Stream;
  readonly ledger?: FaultLedger;
  readonly seed?: string;
}

/** A session without a connection around it: what went in, what came out, how it ended. */
export function openHttpSession(toxics: readonly CallToxic[], lastCarried?: Stream) {
  const out: Record<Stream, Buffer[]> = { upstream: [], downstream: [] };
  const endings: Record<Stream, Ending[]> = { upstream: [], downstream: [] };
  let isOver = false;
  const outlet = (stream: Stream) => ({
    write: (chunk: Buffer): void => {
      if (!isOver) out[stream].push(chunk);
    },
    end: (ending: Ending): void => {
      if (isOver) return;
      endings[stream].push(ending);
      if (ending === "fin") return;
      isOver = true;
      session.upstream.drop();
      session.downstream.drop();
    },
    settle: () => undefined,
  });
  const session: HttpSession = new HttpSession({
    outlets: { upstream: outlet("upstream"), downstream: outlet("downstream") },
    lastCarried,
    connection: {},
    dial: () => {
      throw new Error("nothing to dial");
    },
  });
  session.apply(toxics);
  return {
    session,
    endings,
    get isOver() {
      return isOver;
    },
    request: (bytes: Buffer | string) => isOver || session.upstream.write(Buffer.from(bytes)),
    answer: (bytes: Buffer | string) => isOver || session.downstream.write(Buffer.from(bytes)),
    sent: (stream: Stream) => Buffer.concat(out[stream]).toString("latin1"),
    chunks: (stream: Stream): readonly Buffer[] => out[stream],
  };
}
