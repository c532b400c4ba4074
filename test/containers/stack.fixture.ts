import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { makeContainerImages, makeProgramImage } from "../../scripts/container-images.ts";
import { engineAnswer, engineSocket, removeImage } from "../../scripts/docker-engine.ts";
import { freePort } from "../free-port.fixture.ts";

/** The stack of docker-compose.yml by real Compose on a real engine, under a name and at ports of its own. */
export interface Stack {
  readonly project: string;
  /** What Compose is told by: names, ports, images. */
  readonly env: Readonly<Record<string, string>>;
  readonly entry: string;
  readonly proxyApi: string;
  readonly prometheus: string;
  /** @returns what it says @throws when it fails, with what it says */
  compose(...args: readonly string[]): Promise<string>;
  /** Base URL of a container's port, past the proxies. */
  url(service: string, port: number): Promise<string>;
  containers(): Promise<readonly Container[]>;
  /** What the engine still has of it: containers, volumes, networks. */
  leftovers(): Promise<readonly string[]>;
  /** Ends it whatever its state, and removes its image. */
  remove(): Promise<void>;
}

export interface Container {
  readonly service: string;
  readonly state: string;
  readonly health: string;
  readonly exitCode: number;
}

const repository = resolve(import.meta.dirname, "../..");

export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`expected ${name}: run this by npm run test:peers`);
  return value;
}

const containersSchema = z.array(
  z.object({ Service: z.string(), State: z.string(), Health: z.string(), ExitCode: z.number() }),
);
const leftSchema = {
  containers: z.array(z.object({ Names: z.array(z.string()) })),
  volumes: z.object({ Volumes: z.array(z.object({ Name: z.string() })).nullable() }),
  networks: z.array(z.object({ Name: z.string() })),
};

/** Makes the images of what this machine has, none of which is asked of a registry. Nothing is started yet. */
export async function createStack(): Promise<Stack> {
  const socket = engineSocket();
  const project = `squall-compose-test-${process.pid}`;
  const [port, proxyPort, prometheusPort] = [await freePort(), await freePort(), await freePort()];
  const image = `${project}:latest`;
  const [images, toxiproxy, prometheus, k6] = await Promise.all([
    makeContainerImages(socket),
    makeProgramImage(
      socket,
      "toxiproxy",
      { "/toxiproxy": variable("TOXIPROXY_SERVER"), "/toxiproxy-cli": variable("TOXIPROXY_CLI") },
      ['ENTRYPOINT ["/toxiproxy"]'],
    ),
    makeProgramImage(
      socket,
      "prometheus",
      { "/bin/prometheus": variable("PROMETHEUS"), "/bin/promtool": variable("PROMTOOL") },
      ['ENTRYPOINT ["/bin/prometheus"]'],
    ),
    makeProgramImage(socket, "k6", { "/usr/bin/k6": variable("K6") }, ['ENTRYPOINT ["k6"]']),
  ]);
  const env = {
    ...images,
    TOXIPROXY_IMAGE: toxiproxy,
    PROMETHEUS_IMAGE: prometheus,
    K6_IMAGE: k6,
    SQUALL_IMAGE: image,
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_PROGRESS: "quiet",
    SQUALL_PORT: String(port),
    SQUALL_PROXY_PORT: String(proxyPort),
    PROMETHEUS_PORT: String(prometheusPort),
    DURATION: "5s",
    RATE: "10",
  };
  const compose = async (...args: readonly string[]): Promise<string> => {
    const options = { cwd: repository, env: { ...process.env, ...env }, maxBuffer: 64_000_000 };
    const { stdout } = await promisify(execFile)(variable("DOCKER_COMPOSE"), [...args], options);
    return stdout;
  };
  const leftovers = async (): Promise<readonly string[]> => {
    const filters = JSON.stringify({ label: [`com.docker.compose.project=${project}`] });
    const query = `?all=1&filters=${encodeURIComponent(filters)}`;
    const containers = leftSchema.containers.parse(await engineAnswer(socket, `/containers/json${query}`));
    const { Volumes } = leftSchema.volumes.parse(await engineAnswer(socket, `/volumes${query}`));
    const networks = leftSchema.networks.parse(await engineAnswer(socket, `/networks${query}`));
    return [
      ...containers.flatMap(({ Names }) => Names),
      ...[...(Volumes ?? []), ...networks].map(({ Name }) => Name),
    ];
  };
  return {
    project,
    env,
    entry: `http://127.0.0.1:${port}`,
    proxyApi: `http://127.0.0.1:${proxyPort}`,
    prometheus: `http://127.0.0.1:${prometheusPort}`,
    compose,
    url: async (service, inner) => `http://${(await compose("port", service, String(inner))).trim()}`,
    async containers() {
      const lines = (await compose("--profile", "*", "ps", "--all", "--format=json")).trim().split("\n");
      return containersSchema
        .parse(lines.map((line) => JSON.parse(line) as unknown))
        .map(({ Service, State, Health, ExitCode }) => ({
          service: Service,
          state: State,
          health: Health,
          exitCode: ExitCode,
        }));
    },
    leftovers,
    async remove() {
      await compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout=1");
      await removeImage(socket, image);
    },
  };
}
