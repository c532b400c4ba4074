import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const repository = resolve(import.meta.dirname, "../..");

/** "192m" in bytes. */
const size = z
  .string()
  .regex(/^\d+m$/)
  .transform((text) => Number(text.slice(0, -1)) * 1_024 ** 2);
const needs = z.record(z.string(), z.object({ condition: z.string() }));

const serviceSchema = z.object({
  image: z.string(),
  profiles: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  working_dir: z.string().optional(),
  user: z.string().optional(),
  environment: z.record(z.string(), z.coerce.string()).default({}),
  depends_on: needs.default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  networks: z.object({ default: z.object({ aliases: z.array(z.string()) }) }).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  build: z.object({ args: z.record(z.string(), z.string()) }).optional(),
  mem_limit: size,
  cpus: z.number().positive(),
  pids_limit: z.number().positive(),
  stop_grace_period: z.string(),
  init: z.boolean(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()),
});
export type ComposeService = z.output<typeof serviceSchema>;

const composeSchema = z.object({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
});

export function textOf(file: string): string {
  return readFileSync(resolve(repository, file), "utf8");
}

/** docker-compose.yml with its anchors resolved, and variables as they are when nobody sets them. */
export function readComposeFile(): z.output<typeof composeSchema> {
  const text = textOf("docker-compose.yml").replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1");
  return composeSchema.parse(parse(text, { merge: true, maxAliasCount: -1 }));
}
