import { readFileSync } from "node:fs";
import { z } from "zod";
import { parsePatterns, UnknownPattern, type Patterns } from "./patterns/patterns.ts";
import { tracingSchema, type TracingConfig } from "./tracing/tracing-config.ts";

const patternsSchema = z.string().transform((text, context) => {
  try {
    return parsePatterns(text);
  } catch (error) {
    if (!(error instanceof UnknownPattern)) throw error;
    context.addIssue({ code: "custom", message: error.message });
    return z.NEVER;
  }
});

const configSchema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535),
  HOST: z.string().default("127.0.0.1"),
  DATABASE_URL: z.url(),
  PATTERNS: z.string().default("full").pipe(patternsSchema),
  SEED: z.string().default("squall"),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  IDENTITY_DIR: z.string().min(1),
  IDENTITY_KEY_SECONDS: z.coerce
    .number()
    .positive()
    .default(24 * 60 * 60),
});

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string;
  /** From `PATTERNS`, as in patterns.ts. */
  readonly patterns: Patterns;
  readonly seed: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** Where services keep the keys by which they know each other: identity/key-folder.ts. */
  readonly identityDir: string;
  /** How long such a key signs before the next one does. */
  readonly identityKeySeconds: number;
  /** From `TRACES` and OpenTelemetry's own variables, as in tracing/tracing-config.ts. */
  readonly tracing: TracingConfig;
  /** Base URL of each callee, from `<CALLEE>_URL`. */
  readonly calleeUrls: ReadonlyMap<string, string>;
}

/**
 * Reads a service's configuration from the environment. DATABASE_URL, which holds a password, may lie in a file instead,
 * named by DATABASE_URL_FILE; or the password alone, in one named by DATABASE_PASSWORD_FILE. What is wrong is told without
 * its value.
 * @param callees names as in "gateway-a", read from `GATEWAY_A_URL`
 * @throws {Error} naming every variable that is missing or wrong
 */
export function readConfig(env: NodeJS.ProcessEnv, callees: readonly string[]): Config {
  const parsed = configSchema.safeParse({ ...env, DATABASE_URL: databaseUrlOf(env) });
  const tracing = tracingSchema.safeParse(env);
  const urls = callees.map((callee) => ({ callee, variable: variableOf(callee) }));
  const problems = [
    ...[...(parsed.error?.issues ?? []), ...(tracing.error?.issues ?? [])].map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    ),
    ...urls
      .filter(({ variable }) => !URL.canParse(env[variable] ?? ""))
      .map(({ variable }) => `${variable}: expected a URL`),
  ];
  if (!parsed.success || !tracing.success || problems.length > 0)
    throw new Error(`bad configuration: ${problems.join("; ")}`);
  return {
    port: parsed.data.PORT,
    host: parsed.data.HOST,
    databaseUrl: parsed.data.DATABASE_URL,
    patterns: parsed.data.PATTERNS,
    seed: parsed.data.SEED,
    logLevel: parsed.data.LOG_LEVEL,
    identityDir: parsed.data.IDENTITY_DIR,
    identityKeySeconds: parsed.data.IDENTITY_KEY_SECONDS,
    tracing: tracing.data,
    calleeUrls: new Map(urls.map(({ callee, variable }) => [callee, env[variable] ?? ""])),
  };
}

/** @throws {Error} when a file that is named cannot be read */
function databaseUrlOf(env: NodeJS.ProcessEnv): string | undefined {
  const given = secretOf(env, "DATABASE_URL");
  const password = secretOf(env, "DATABASE_PASSWORD");
  const url = given === undefined || password === undefined ? null : URL.parse(given);
  if (url === null || password === undefined) return given;
  url.password = encodeURIComponent(password);
  return url.href;
}

/** @throws {Error} when the file that is named cannot be read */
function secretOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  return file === undefined ? env[name] : readFileSync(file, "utf8").trim();
}

function variableOf(callee: string): string {
  return `${callee.toUpperCase().replaceAll("-", "_")}_URL`;
}
