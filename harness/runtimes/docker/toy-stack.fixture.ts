import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type Docker from "dockerode";
import { makeBaseImage, makePostgresImage, makeToolsImage } from "../../../scripts/container-images.ts";
import { engineSocket } from "../../../scripts/docker-engine.ts";
import { formatAddress } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import { loadTarget } from "../../target/load-target.ts";
import type { Target } from "../../target/target.ts";
import { connectDocker } from "./docker-engine.ts";
import { publishedAt } from "./stack.ts";

/**
 * A stack as Compose makes one, of the real engine: two services that are toys, a PostgreSQL, our proxy and our receiver.
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

/** The toy of all runtimes. */
const service = "harness/runtimes/fixtures/service.ts";
/** Needs to be quoted in a URL. */
const password = "p@ss/word";

const megabyte = 1 << 20;
/** The proxy goes by a name for each callee. */
const aliases: Readonly<Record<string, readonly string[]>> = { proxy: ["proxy", "back.edges"] };

export interface ToyOptions {
  /** Of the project's name; of stacks that are up at the same time, each has another. @default "toy" */
  readonly name?: string;
  /** Services beside front, which call back as front does, and which nobody calls. @default none */
  readonly others?: readonly string[];
  /** Whether back has a store. @default true */
  readonly hasStore?: boolean;
}

/** @throws when the engine refuses any of it, after removing what was made */
export async function startToyStack(options: ToyOptions = {}): Promise<ToyStack> {
  const { name: ownName = "toy", others = [], hasStore = true } = options;
  await using made = new AsyncDisposableStack();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "squall-toy-stack-")));
  chmodSync(folder, 0o755); // of the store's user too
  made.defer(() => rmSync(folder, { recursive: true }));
  const project = `squall-docker-runtime-${ownName}-${process.pid}`;
  const socketPath = engineSocket();
  const [image, tools, storeImage] = await Promise.all([
    makeBaseImage(socketPath),
    makeToolsImage(socketPath),
    hasStore ? makePostgresImage(socketPath) : "",
  ]);
  const docker = await connectDocker(socketPath);
  const network = await docker.createNetwork({ Name: project });
  made.defer(() => network.remove());
  const volume = `${project}-data`;
  await docker.createVolume({
    Name: volume,
    DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=4m,mode=1777" },
  });
  made.defer(() => docker.getVolume(volume).remove());
  const containers: Docker.Container[] = [];
  made.defer(() =>
    Promise.all(containers.map((container) => container.remove({ force: true, v: true }))).then(
      () => undefined,
    ),
  );
  const target = writeTarget(folder, { project, tools, others, hasStore });

  const make = async (name: string, options: Docker.ContainerCreateOptions): Promise<Docker.Container> => {
    const container = await docker.createContainer({ Image: image, name, ...options });
    containers.push(container);
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
  const source = readFileSync(join(repository, service), "utf8");
  // Given as a text, it needs nothing of ours in its container.
  const toy = (...environment: readonly string[]) => ({
    Cmd: ["node", "--input-type=module-typescript", "--eval", source],
    Env: ["HOST=0.0.0.0", "PORT=3000", "DATA_FOLDER=/data", "MOOD=wild", ...environment],
  });
  const limits = { Memory: 192 * megabyte, MemorySwap: 192 * megabyte, NanoCpus: 1e9 };
  const limited = { HostConfig: { ...limits, Tmpfs: { "/data": "size=4m" } } };
  const url = `postgresql://toy:${encodeURIComponent(password)}@proxy:4002/back-db`;
  const ofStore = {
    ...toy(`DATABASE_URL=${url}`),
    Cmd: ["node", `/squall/${service}`], // where the database's client is
    HostConfig: { ...ours, ...limited.HostConfig },
  };
  await Promise.all([
    part("front", [3_000], toy("BACK_URL=http://back.edges:4001")),
    part("back", [3_000], hasStore ? ofStore : { ...toy(), ...limited }),
    ...others.map((name, index) =>
      part(name, [3_000], { ...toy(`BACK_URL=http://proxy:${4_100 + index}`), ...limited }),
    ),
    ...(hasStore
      ? [
          part("back-db", [5_432], {
            Image: storeImage,
            User: "999:999",
            StopSignal: "SIGINT",
            Cmd: ["postgres", "-c", "fsync=off"],
            HostConfig: {
              ...ours,
              Mounts: [{ Type: "volume", Source: volume, Target: "/data" }],
              Tmpfs: { "/run": "" },
            },
            Env: [
              ...["POSTGRES_USER=toy", "POSTGRES_DB=back-db", "POSTGRES_PASSWORD_FILE=/toy/password"],
              "POSTGRES_INITDB_ARGS=--no-sync",
            ],
          }),
        ]
      : []),
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
  const answers = (name: string, port: number, path: string): Promise<true> =>
    waitFor({ what: `${name} to answer ${path}`, withinMs: 60_000, everyMs: 100 }, async () => {
      const address = publishedAt(await container(name).inspect(), port);
      if (address === undefined) return false;
      const url = `http://${formatAddress(address)}${path}`;
      return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
    });
  await Promise.all([
    answers("proxy", 8_080, "/back"),
    answers("receiver", 4_318, "/stats"),
    ...others.map((name) => answers(name, 3_000, "/ready")),
  ]);
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

type Written = Required<Omit<ToyOptions, "name">> & Pick<ToyStack, "project"> & { readonly tools: string };

function writeTarget(folder: string, { project, tools, others, hasStore }: Written): Target {
  const proxies = [
    { name: "client->front", listen: "0.0.0.0:8080", upstream: "front:3000", enabled: true },
    { name: "front->back", listen: "0.0.0.0:4001", upstream: "back:3000", enabled: true },
    ...(hasStore
      ? [{ name: "back->back-db", listen: "0.0.0.0:4002", upstream: "back-db:5432", enabled: true }]
      : []),
    ...others.map((name, index) => ({
      name: `${name}->back`,
      listen: `0.0.0.0:${4_100 + index}`,
      upstream: "back:3000",
      enabled: true,
    })),
  ];
  const ofFront = '{ back: { env: BACK_URL, value: "http://{address}" } }';
  const ofStore = '{ back-db: { env: DATABASE_URL, value: "postgresql://{address}" } }';
  const part = (name: string, calls: string): string => `  ${name}:
    command: [toy]
    ports: { http: PORT }
    ready: /ready
    calls: ${calls}
`;
  writeFileSync(join(folder, "password"), password);
  writeFileSync(join(folder, "proxy.json"), JSON.stringify(proxies));
  writeFileSync(
    join(folder, "journeys.mjs"),
    'export const journeys = { look: ({ http }) => http.get("look", "/ready") };',
  );
  const file = join(folder, "target.yaml");
  writeFileSync(
    file,
    `name: toy
settings: { mood: { env: MOOD, default: calm } }
containers: { project: ${project}, tools: "${tools}" }
entry: front
services:
${part("front", ofFront)}${part("back", hasStore ? ofStore : "{}")}${others.map((name) => part(name, ofFront)).join("")}
stores: ${hasStore ? "{ back-db: { kind: postgresql } }" : "{}"}
journeys: { module: journeys.mjs, names: [look] }
`,
  );
  return loadTarget(file);
}
