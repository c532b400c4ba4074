import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type Docker from "dockerode";
import { makeBaseImage, makeToolsImage } from "../../../scripts/container-images.ts";
import { engineSocket } from "../../../scripts/docker-engine.ts";
import { formatAddress } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import { loadTarget } from "../../target/load-target.ts";
import type { Target } from "../../target/target.ts";
import { connectDocker } from "./docker-engine.ts";
import { publishedAt } from "./stack.ts";

/**
 * A stack as Compose makes one, of the real engine: two services and a store that are toys, our proxy and our receiver.
 *
 *   client ─▶ proxy ─▶ front ─▶ proxy ─▶ back ─▶ proxy ─▶ back-db
 */
export interface ToyStack extends AsyncDisposable {
  readonly target: Target;
  readonly docker: Docker;
  readonly socketPath: string;
  readonly project: string;
  container(part: string): Docker.Container;
  /** A container beside the stack. */
  makeStranger(labels: Readonly<Record<string, string>>): Promise<Docker.Container>;
}

const repository = resolve(import.meta.dirname, "../../..");

/** Says what it is asked, keeps what it is told to, works as long as it is told to, and ends in order. */
const service = `
const { createServer, get } = require("node:http");
const { writeFileSync } = require("node:fs");
const kept = [];
const attempt = (deed) => { try { deed(); } catch (error) { return error; } };
const server = createServer((request, response) => {
  const url = new URL(request.url, "http://toy");
  const wanted = Number(url.searchParams.get("of"));
  if (url.pathname === "/eat") for (let mb = 0; mb < wanted; mb += 1) kept.push(Buffer.alloc(1 << 20, 1));
  if (url.pathname === "/work") for (const end = Date.now() + wanted; Date.now() < end; );
  if (url.pathname === "/end") process.exit(wanted);
  if (url.pathname === "/write") {
    const error = attempt(() => writeFileSync("/data/written", Buffer.alloc(wanted)));
    return response.end(error?.code ?? "written");
  }
  if (url.pathname === "/say") console.log(JSON.stringify({ msg: url.searchParams.get("what") }));
  if (url.pathname === "/complain") console.error(JSON.stringify({ msg: url.searchParams.get("what") }));
  if (url.pathname !== "/back") return response.end("ok");
  get(process.env.BACK_URL + "/ready", { agent: false, timeout: 1000 }, (answer) => {
    response.statusCode = answer.statusCode;
    answer.resume().on("end", () => response.end());
  }).on("timeout", function () { this.destroy(new Error("timeout")); })
    .on("error", () => { response.statusCode = 504; response.end(); });
});
server.listen(Number(process.env.PORT), "0.0.0.0", () => console.log(JSON.stringify({ msg: "listening" })));
process.on("SIGTERM", () => process.exit(0));
`;
const store = `
require("node:fs").writeFileSync("/tmp/password", "p@ss/word\\n");
require("node:net").createServer().listen(5432, "0.0.0.0");
process.on("SIGTERM", () => process.exit(0));
`;

const megabyte = 1 << 20;
/** The proxy goes by a name for each callee. */
const aliases: Readonly<Record<string, readonly string[]>> = { proxy: ["proxy", "back.edges"] };

/** @throws when the engine refuses any of it, after removing what was made */
export async function startToyStack(): Promise<ToyStack> {
  await using made = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "squall-toy-stack-"));
  made.defer(() => rmSync(folder, { recursive: true }));
  const project = `squall-docker-runtime-toy-${process.pid}`;
  const socketPath = engineSocket();
  const [image, tools] = await Promise.all([makeBaseImage(socketPath), makeToolsImage(socketPath)]);
  const docker = await connectDocker(socketPath);
  const network = await docker.createNetwork({ Name: project });
  made.defer(() => network.remove());
  const target = writeTarget(folder, { project, tools });
  const volume = `${project}-data`;
  await docker.createVolume({
    Name: volume,
    DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=4m" },
  });
  made.defer(() => docker.getVolume(volume).remove());

  const make = async (name: string, options: Docker.ContainerCreateOptions): Promise<Docker.Container> => {
    const container = await docker.createContainer({ Image: image, name, ...options });
    made.defer(() => container.remove({ force: true, v: true }));
    await container.start();
    return container;
  };
  const part = (
    name: string,
    ports: readonly number[],
    options: Docker.ContainerCreateOptions,
  ): Promise<Docker.Container> =>
    make(`${project}-${name}-1`, {
      ...options,
      Labels: {
        "com.docker.compose.project": project,
        "com.docker.compose.service": name,
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
      },
      ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
      HostConfig: {
        Init: true,
        NetworkMode: project,
        PortBindings: Object.fromEntries(ports.map((port) => [`${port}/tcp`, [{ HostIp: "127.0.0.1" }]])),
        ...options.HostConfig,
      },
      NetworkingConfig: { EndpointsConfig: { [project]: { Aliases: [...(aliases[name] ?? [name])] } } },
    });
  const ours = { Binds: [`${repository}:/squall:ro`, `${folder}:/toy:ro`] };
  const toy = (...environment: readonly string[]) => ({
    Cmd: ["node", "-e", service],
    Env: ["PORT=3000", ...environment],
  });
  await Promise.all([
    part("front", [3_000], toy("MOOD=wild", "BACK_URL=http://back.edges:4001")),
    part("back", [3_000], {
      ...toy("MOOD=wild"),
      HostConfig: {
        ...{ Memory: 128 * megabyte, MemorySwap: 128 * megabyte, NanoCpus: 1e9 },
        Tmpfs: { "/data": "size=4m" },
      },
    }),
    part("back-db", [5_432], {
      HostConfig: {
        Mounts: [{ Type: "volume", Source: volume, Target: "/data" }],
        Tmpfs: { "/run": "" },
      },
      Cmd: ["node", "-e", store],
      Env: ["POSTGRES_USER=toy", "POSTGRES_DB=back-db", "POSTGRES_PASSWORD_FILE=/tmp/password"],
    }),
    part("proxy", [8_474, 8_080], {
      Cmd: [
        "node",
        "/squall/harness/proxy/main.ts",
        "--listen=0.0.0.0:8474",
        "--no-token",
        "--config=/toy/proxy.json",
      ],
      HostConfig: ours,
    }),
    part("receiver", [4_318], {
      Cmd: ["node", "/squall/harness/observe/receiver-main.ts", "--listen=0.0.0.0:4318"],
      HostConfig: ours,
    }),
  ]);
  const container = (name: string): Docker.Container => docker.getContainer(`${project}-${name}-1`);
  await waitFor({ what: "the toys to listen", withinMs: 60_000, everyMs: 100 }, async () => {
    const address = publishedAt(await container("proxy").inspect(), 8_080);
    if (address === undefined) return false;
    return (await fetch(`http://${formatAddress(address)}/back`, { signal: AbortSignal.timeout(2_000) })).ok;
  });
  const kept = made.move();
  return {
    target,
    docker,
    socketPath,
    project,
    container,
    async makeStranger(labels) {
      const name = `${project}-stranger-${Math.random().toString(36).slice(2)}`;
      const stranger = await docker.createContainer({
        Image: image,
        name,
        Cmd: ["sleep", "600"],
        Labels: { ...labels },
        HostConfig: { Init: true },
      });
      kept.defer(() => stranger.remove({ force: true }));
      await stranger.start();
      return stranger;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function writeTarget(
  folder: string,
  { project, tools }: { readonly project: string; readonly tools: string },
): Target {
  const proxies = [
    { name: "client->front", listen: "0.0.0.0:8080", upstream: "front:3000", enabled: true },
    { name: "front->back", listen: "0.0.0.0:4001", upstream: "back:3000", enabled: true },
    { name: "back->back-db", listen: "0.0.0.0:4002", upstream: "back-db:5432", enabled: true },
  ];
  writeFileSync(join(folder, "proxy.json"), JSON.stringify(proxies));
  writeFileSync(join(folder, "journeys.ts"), "");
  const file = join(folder, "target.yaml");
  writeFileSync(
    file,
    `name: toy
settings: { mood: { env: MOOD, default: calm } }
containers: { project: ${project}, tools: "${tools}" }
entry: front
services:
  front:
    command: [toy]
    ports: { http: PORT }
    ready: /ready
    calls: { back: { env: BACK_URL, value: "http://{address}" } }
  back:
    command: [toy]
    ports: { http: PORT }
    ready: /ready
    calls: { back-db: { env: DB_URL, value: "postgresql://{address}" } }
stores: { back-db: { kind: postgresql } }
journeys: { module: journeys.ts, names: [look] }
`,
  );
  return loadTarget(file);
}
