import { expect, it } from "vitest";
import { readConfig } from "../config.ts";
import type { ExporterConfig, TracingConfig } from "./tracing-config.ts";

const needed = { PORT: "0", DATABASE_URL: "postgresql://127.0.0.1/shop", IDENTITY_DIR: "identity" };
const tracing = (env: Readonly<Record<string, string>>): TracingConfig =>
  readConfig({ ...needed, ...env }, []).tracing;

const OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318/";
const byDefault: ExporterConfig = {
  kind: "otlp",
  encoding: "protobuf",
  url: "http://collector:4318/v1/traces",
};
const agent: ExporterConfig = { kind: "jaeger-udp", host: "localhost", port: 6832 };
const OTEL_EXPORTER_JAEGER_ENDPOINT = "http://jaeger:14268/api/traces";
const collector: ExporterConfig = { kind: "jaeger-http", url: OTEL_EXPORTER_JAEGER_ENDPOINT };

const choices: readonly (readonly [
  what: string,
  env: Readonly<Record<string, string>>,
  exporters: readonly ExporterConfig[],
])[] = [
  ["nothing is said: nowhere", {}, []],
  ["an endpoint: OTLP, in protobuf", { OTEL_EXPORTER_OTLP_ENDPOINT }, [byDefault]],
  ["an empty endpoint: nowhere", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }, []],
  [
    "an endpoint for traces alone: as it is",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector/t" },
    [{ ...byDefault, url: "http://collector/t" }],
  ],
  [
    "the protocol is JSON",
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    [{ ...byDefault, encoding: "json" }],
  ],
  [
    "the protocol of traces goes before that of all",
    {
      OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
    },
    [byDefault],
  ],
  ["none, whatever else", { TRACES: "none", OTEL_EXPORTER_OTLP_ENDPOINT }, []],
  [
    "otlp without an endpoint: this machine",
    { TRACES: "otlp" },
    [{ ...byDefault, url: "http://localhost:4318/v1/traces" }],
  ],
  ["jaeger: its agent here", { TRACES: "jaeger", OTEL_EXPORTER_OTLP_ENDPOINT }, [agent]],
  [
    "jaeger's agent elsewhere",
    { TRACES: "jaeger", OTEL_EXPORTER_JAEGER_AGENT_HOST: "jaeger", OTEL_EXPORTER_JAEGER_AGENT_PORT: "7000" },
    [{ kind: "jaeger-udp", host: "jaeger", port: 7000 }],
  ],
  ["jaeger's collector", { TRACES: "jaeger", OTEL_EXPORTER_JAEGER_ENDPOINT }, [collector]],
  [
    "both",
    { TRACES: "both", OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_JAEGER_ENDPOINT },
    [byDefault, collector],
  ],
];

it.each(choices)("%s", (_what, env, exporters) => {
  expect(tracing(env).exporters).toEqual(exporters);
});

it("all is recorded that a caller does not leave out, unless a share is named", () => {
  expect(tracing({}).sampler).toEqual({ name: "parentbased_always_on", ratio: 1 });
  expect(
    tracing({ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }).sampler,
  ).toEqual({ name: "parentbased_traceidratio", ratio: 0.25 });
});

it.each([
  ["TRACES", "zipkin", 'TRACES: expected one of otlp, jaeger, both, none, got "zipkin"'],
  [
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "grpc",
    'OTEL_EXPORTER_OTLP_PROTOCOL: expected one of http/protobuf, http/json, got "grpc"',
  ],
  [
    "OTEL_TRACES_SAMPLER",
    "jaeger_remote",
    /OTEL_TRACES_SAMPLER: expected one of always_on, .*, parentbased_traceidratio, got "jaeger_remote"/,
  ],
  [
    "OTEL_TRACES_SAMPLER_ARG",
    "10%",
    'OTEL_TRACES_SAMPLER_ARG: expected a share from 0 to 1, such as 0.1, got "10%"',
  ],
  ["OTEL_TRACES_SAMPLER_ARG", "1.1", 'got "1.1"'],
  ["OTEL_TRACES_SAMPLER_ARG", " ", 'got " "'],
  [
    "OTEL_EXPORTER_JAEGER_AGENT_PORT",
    "68320",
    'OTEL_EXPORTER_JAEGER_AGENT_PORT: expected a port from 1 to 65535, got "68320"',
  ],
  [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "user:s3cret@host",
    /^(?!.*s3cret).*OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL/,
  ],
  [
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "udp://host:6832",
    "OTEL_EXPORTER_JAEGER_ENDPOINT: expected a URL such as",
  ],
])("%s=%s is refused, by its name and what would do", (variable, value, message) => {
  expect(() => tracing({ [variable]: value })).toThrow(message);
});

it("what is wrong of tracing is told together with everything else", () => {
  expect(() =>
    readConfig({ ...needed, PORT: "many", TRACES: "no", OTEL_TRACES_SAMPLER: "no" }, ["order"]),
  ).toThrow(/PORT.*TRACES.*OTEL_TRACES_SAMPLER.*ORDER_URL/s);
});
