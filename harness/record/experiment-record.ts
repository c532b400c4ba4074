import { z } from "zod";

/**
 * `experiment.json`: the experiment as it was resolved and the fleet as it stood, enough to judge and to report the
 * run without the files it came from. `experiment` and `target` hold the parsed documents and are re-parsed by the
 * modules that own their schemas.
 */
export const experimentRecordSchema = z.object({
  schemaVersion: z.literal(1),
  run: z.string(),
  startedAtMs: z.number(),
  /** The experiment's file as given on the command line. */
  file: z.string(),
  seed: z.string(),
  settings: z.record(z.string(), z.string()),
  /** The command that repeats this run. */
  command: z.string(),
  versions: z.object({ squall: z.string(), node: z.string(), platform: z.string() }),
  /** Base URL of the Jaeger that the run's traces are looked at in, where one was named. */
  jaeger: z.string().optional(),
  machine: z.object({ cpus: z.number().int(), memoryBytes: z.number() }),
  /** The documents as written, and the files they came from. */
  experiment: z.unknown(),
  experimentFile: z.string(),
  target: z.unknown(),
  targetFile: z.string(),
  fleet: z.object({
    runtime: z.string(),
    entry: z.string(),
    proxyApi: z.string(),
    /** Which proxy it was, and whether it counted what faults touched. @default Squall's own, which does */
    proxy: z.object({ name: z.string(), counts: z.boolean() }).optional(),
    /** How many replicas a service had when the run began, where it had more than one. */
    replicas: z.record(z.string(), z.int()).optional(),
    /** Each edge's proxied port is how spans are attributed to edges. */
    edges: z.array(
      z.object({ edge: z.string(), proxy: z.string(), listen: z.string(), upstream: z.string() }),
    ),
  }),
});
export type ExperimentRecord = Readonly<z.output<typeof experimentRecordSchema>>;
