import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BenchPeers } from "./peers.ts";
import { freePort, start } from "./child-process.ts";
import { untilOpen } from "./web.ts";

/** A server that speaks Toxiproxy's API: Toxiproxy itself or ours. */
export class ToxicServer {
  readonly pid: number;
  readonly #url: string;
  readonly #kill: () => Promise<void>;

  constructor(pid: number, url: string, kill: () => Promise<void>) {
    this.pid = pid;
    this.#url = url;
    this.#kill = kill;
  }

  /** @returns the port of a new proxy */
  async proxyTo(upstreamPort: number, name: string): Promise<number> {
    const created = await this.#post("/proxies", {
      name,
      listen: "127.0.0.1:0",
      upstream: `127.0.0.1:${upstreamPort}`,
    });
    return Number(((await created.json()) as { listen: string }).listen.split(":").at(-1));
  }

  /** @returns whether the server knows such a toxic */
  async addToxic(proxy: string, toxic: unknown): Promise<boolean> {
    const response = await this.call("POST", `/proxies/${proxy}/toxics`, toxic);
    const text = await response.text();
    if (response.ok) return true;
    if (text.includes("invalid toxic type")) return false;
    throw new Error(`the toxic was refused: ${text}`);
  }

  call(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.#url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  }

  stop(): Promise<void> {
    return this.#kill();
  }

  async #post(path: string, body: unknown): Promise<Response> {
    const response = await this.call("POST", path, body);
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

export async function startToxiproxy({ toxiproxyServer }: BenchPeers): Promise<ToxicServer> {
  const port = await freePort();
  const child = await start([toxiproxyServer, "-host", "127.0.0.1", "-port", String(port)]);
  await untilOpen(port);
  return new ToxicServer(child.pid, `http://127.0.0.1:${port}`, () => end(child.process));
}

/** Ours, as a fleet starts it. */
export async function startSquall(nodeOptions: readonly string[] = []): Promise<ToxicServer> {
  const main = fileURLToPath(new URL("../../harness/proxy/main.ts", import.meta.url));
  const child = await start([process.execPath, ...nodeOptions, main], { reads: true });
  if (!child.process.stdout) throw new Error("no stdout");
  const [line] = (await once(createInterface({ input: child.process.stdout }), "line")) as [string];
  const { listen } = JSON.parse(line) as { listen: string };
  return new ToxicServer(child.pid, `http://${listen}`, () => end(child.process));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
