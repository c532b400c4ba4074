import { createServer, request, Agent } from "node:http";
import { availableParallelism } from "node:os";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * What a hop through the proxy costs: kept-alive HTTP, direct and through it, in turns within one run, so that the ratio
 * holds on a noisy machine; and the throughput of one connection. The proxy is a process of its own, as in a fleet.
 *
 *   node bench/proxy.ts [--connections 16] [--requests 4000] [--rounds 5]
 */
const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "16" },
    requests: { type: "string", default: "4000" },
    rounds: { type: "string", default: "5" },
  },
});
const connections = Number(values.connections);
const requests = Number(values.requests);
const rounds = Number(values.rounds);

const proxy = spawn(process.execPath, [new URL("../harness/proxy/main.ts", import.meta.url).pathname], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = (await once(createInterface({ input: proxy.stdout }), "line")) as [string];
const { listen } = JSON.parse(line) as { listen: string };

const web = createServer((_request, response) => response.end("ok"));
web.listen(0, "127.0.0.1");
await once(web, "listening");
const megabytes = 500;
const source = createTcpServer((socket) => {
  const block = Buffer.alloc(1_000_000);
  let left = megabytes;
  const pour = (): void => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(block)) return;
    }
    socket.end();
  };
  socket.on("drain", pour);
  socket.on("error", () => undefined);
  pour();
});
source.listen(0, "127.0.0.1");
await once(source, "listening");

const directPort = (web.address() as AddressInfo).port;
const sourcePort = (source.address() as AddressInfo).port;
const ports = { direct: directPort, proxied: await proxyTo("web", directPort) };
const pourPorts = { direct: sourcePort, proxied: await proxyTo("source", sourcePort) };

const latencyMs = { direct: [] as number[], proxied: [] as number[] };
for (const arm of ["direct", "proxied"] as const) await round(ports[arm], []); // warm-up
for (let index = 0; index < rounds; index += 1) {
  const order = index % 2 === 0 ? (["direct", "proxied"] as const) : (["proxied", "direct"] as const);
  for (const arm of order) await round(ports[arm], latencyMs[arm]);
}
const rateMBs = { direct: await pour(pourPorts.direct), proxied: await pour(pourPorts.proxied) };

console.log(
  JSON.stringify({
    bench: "proxy",
    cpus: availableParallelism(),
    connections,
    requests: requests * rounds,
    direct: figures(latencyMs.direct),
    proxied: figures(latencyMs.proxied),
    ratioP50: round2(quantile(latencyMs.proxied, 0.5) / quantile(latencyMs.direct, 0.5)),
    ratioP99: round2(quantile(latencyMs.proxied, 0.99) / quantile(latencyMs.direct, 0.99)),
    oneConnectionMBs: rateMBs,
  }),
);
proxy.kill("SIGTERM");
await once(proxy, "exit");
web.close();
source.close();
web.closeAllConnections();

async function proxyTo(name: string, port: number): Promise<number> {
  const response = await fetch(`http://${listen}/proxies`, {
    method: "POST",
    body: JSON.stringify({ name, upstream: `127.0.0.1:${port}` }),
  });
  const created = (await response.json()) as { listen: string };
  return Number(created.listen.split(":")[1]);
}

/** Closed loop: each connection asks again as soon as it is answered. */
async function round(port: number, samplesMs: number[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let left = requests;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedMs = performance.now();
      await new Promise<void>((resolve, reject) => {
        request({ host: "127.0.0.1", port, agent }, (response) => {
          response.resume();
          response.on("end", resolve);
        })
          .on("error", reject)
          .end();
      });
      samplesMs.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
}

/** Megabytes a second over one connection. */
async function pour(port: number): Promise<number> {
  const startedMs = performance.now();
  const socket = connect(port, "127.0.0.1");
  socket.resume();
  await once(socket, "end");
  socket.destroy();
  return Math.round(megabytes / ((performance.now() - startedMs) / 1_000));
}

function figures(samplesMs: readonly number[]) {
  return { p50Ms: round2(quantile(samplesMs, 0.5)), p99Ms: round2(quantile(samplesMs, 0.99)) };
}

function quantile(samplesMs: readonly number[], share: number): number {
  const sorted = samplesMs.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
