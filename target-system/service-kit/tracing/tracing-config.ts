import { z } from "zod";

/**
 * What the environment says of tracing: where spans go, in which form, and how many are recorded. The names are
 * OpenTelemetry's own (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables) but for TRACES, since its
 * OTEL_TRACES_EXPORTER no longer knows Jaeger. A variable that is empty counts as not set.
 */
export interface TracingConfig {
  /** None: nothing is traced, and no SDK is loaded. */
  readonly exporters: readonly ExporterConfig[];
  readonly sampler: SamplerConfig;
}

export type ExporterConfig =
  | { readonly kind: "otlp"; readonly encoding: "protobuf" | "json"; readonly url: string }
  /** Thrift, to a collector. */
  | { readonly kind: "jaeger-http"; readonly url: string }
  /** Thrift, to an agent: a datagram that is lost is lost. */
  | { readonly kind: "jaeger-udp"; readonly host: string; readonly port: number };

export interface SamplerConfig {
  readonly name: SamplerName;
  /** The share of traces that is recorded; counts for `traceidratio` and `parentbased_traceidratio`. */
  readonly ratio: number;
}

export type SamplerName = (typeof samplerNames)[number];

const choices = ["otlp", "jaeger", "both", "none"] as const;
const protocols = ["http/protobuf", "http/json"] as const;
const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: ({ input }) => `expected one of ${names.join(", ")}, got "${String(input)}"` });

/** Told without its value, which may hold a password. */
const httpUrl = (example: string) =>
  z.url({ protocol: /^https?$/, error: `expected a URL such as ${example}` });

const ratio = z.string().transform((text, context) => {
  const share = Number(text);
  if (text.trim() !== "" && share >= 0 && share <= 1) return share;
  context.addIssue({ code: "custom", message: `expected a share from 0 to 1, such as 0.1, got "${text}"` });
  return z.NEVER;
});

const port = z.string().transform((text, context) => {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number <= 65_535) return number;
  context.addIssue({ code: "custom", message: `expected a port from 1 to 65535, got "${text}"` });
  return z.NEVER;
});

const otlpBase = httpUrl("http://localhost:4318");

/** Of an environment; what is wrong is told by variable. */
export const tracingSchema = z.preprocess(
  (env) => Object.fromEntries(Object.entries(env as NodeJS.ProcessEnv).filter(([, value]) => value !== "")),
  z
    .object({
      TRACES: oneOf(choices).optional(),
      OTEL_EXPORTER_OTLP_ENDPOINT: otlpBase.optional(),
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl("http://localhost:4318/v1/traces").optional(),
      OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(protocols).default("http/protobuf"),
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf(protocols).optional(),
      OTEL_EXPORTER_JAEGER_ENDPOINT: httpUrl("http://localhost:14268/api/traces").optional(),
      OTEL_EXPORTER_JAEGER_AGENT_HOST: z.string().default("localhost"),
      OTEL_EXPORTER_JAEGER_AGENT_PORT: port.default(6_832),
      OTEL_TRACES_SAMPLER: oneOf(samplerNames).default("parentbased_always_on"),
      OTEL_TRACES_SAMPLER_ARG: ratio.default(1),
    })
    .transform((env): TracingConfig => {
      const isOtlpSet =
        env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined;
      const base = (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "http://localhost:4318").replace(/\/$/, "");
      const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
      const otlp: ExporterConfig = {
        kind: "otlp",
        encoding: protocol === "http/json" ? "json" : "protobuf",
        url: env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `${base}/v1/traces`,
      };
      const url = env.OTEL_EXPORTER_JAEGER_ENDPOINT;
      const agent = { host: env.OTEL_EXPORTER_JAEGER_AGENT_HOST, port: env.OTEL_EXPORTER_JAEGER_AGENT_PORT };
      const jaeger: ExporterConfig =
        url === undefined ? { kind: "jaeger-udp", ...agent } : { kind: "jaeger-http", url };
      const exporters = { otlp: [otlp], jaeger: [jaeger], both: [otlp, jaeger], none: [] };
      return {
        exporters: exporters[env.TRACES ?? (isOtlpSet ? "otlp" : "none")],
        sampler: { name: env.OTEL_TRACES_SAMPLER, ratio: env.OTEL_TRACES_SAMPLER_ARG },
      };
    }),
);
