import { z } from "zod";
import { duration, fields, nameOf, size, unknownName } from "../base/fields.ts";
import { parseDurationMs } from "../base/units.ts";
import type { TargetEdge } from "../target/target-edge.ts";
import { clientName } from "../target/target.ts";
import { timeFields, timeOf, type FaultTime } from "./fault-time.ts";

/**
 * Faults of processes: a service or a store is ended, held still, short of something, cut off or misled. The runtime that
 * started it does that, and not every runtime can do all of it. One more changes how many processes a service has.
 */

/** What such faults may name; anything, where it is not given. */
export interface ProcessWords {
  readonly edges: readonly TargetEdge[];
  /** The services and the stores. */
  readonly processes: readonly string[];
  readonly services: readonly string[];
}

const longestMs = 3_600_000;
const longestSkewMs = 365 * 86_400_000;
const mostEndingMs = 20_000;
const mostReplicas = 16;
const fewestProcessors = 0.01;
const leastMemoryBytes = 6_000_000; // no runtime starts anything in less

/** The members of the schema of faults that act on processes. */
export function processFaults(words?: ProcessWords) {
  const process = nameOf("service or store", words?.processes);
  const base = { process, ...timeFields };
  const within = duration({ atMost: mostEndingMs }).default(10_000);
  return {
    kill: fields({
      ...base,
      restart: z.boolean({ error: "expected true or false" }).default(false),
    }).transform(({ process, restart: isRestarted, ...time }, context) => {
      if (isRestarted && time.for !== undefined)
        context.addIssue({
          code: "custom",
          path: ["for"],
          message: "one that is started again at once does not stay dead for a time",
        });
      return { kind: "kill" as const, process, isRestarted, ...timeOf(time) };
    }),
    stop: fields({ ...base, within }).transform(({ process, within: withinMs, ...time }) => ({
      kind: "stop" as const,
      process,
      withinMs,
      ...timeOf(time),
    })),
    restart: fields({ process, within, at: timeFields.at }).transform(
      ({ process, within: withinMs, at }) => ({
        kind: "restart" as const,
        process,
        withinMs,
        ...timeOf({ at }),
      }),
    ),
    "crash-loop": fields({ ...base, every: duration({ atLeast: 100, atMost: longestMs }) }).transform(
      ({ process, every: everyMs, ...time }) => ({
        kind: "crash-loop" as const,
        process,
        everyMs,
        ...timeOf(time),
      }),
    ),
    pause: fields(base).transform(({ process, ...time }) => ({
      kind: "pause" as const,
      process,
      ...timeOf(time),
    })),
    cpu: fields({
      ...base,
      processors: z
        .number({ error: "expected a number of processors such as 0.2" })
        .min(fewestProcessors, { error: `expected at least ${fewestProcessors} processors` })
        .max(1_024, { error: "expected at most 1024 processors" }),
    }).transform(({ process, processors, ...time }) => ({
      kind: "cpu" as const,
      process,
      processors,
      ...timeOf(time),
    })),
    memory: fields({ ...base, limit: size({ atLeast: leastMemoryBytes }) }).transform(
      ({ process, limit: limitBytes, ...time }) => ({
        kind: "memory" as const,
        process,
        limitBytes,
        ...timeOf(time),
      }),
    ),
    "disk-full": fields({ ...base, path: mountPath.optional(), leave: size().default(0) }).transform(
      ({ process, path, leave: leaveBytes, ...time }) => ({
        kind: "disk-full" as const,
        process,
        path,
        leaveBytes,
        ...timeOf(time),
      }),
    ),
    partition: fields({ ...base, from: nameOf("part", undefined).optional() }).transform(
      ({ process, from, ...time }, context) => {
        const peers = words?.edges
          .flatMap(({ caller, callee }) =>
            caller === process ? [callee] : callee === process ? [caller] : [],
          )
          .filter((name) => name !== clientName);
        requireNamed(from, peers, { field: "from", what: `peer of ${process}` }, context);
        return { kind: "partition" as const, process, from, ...timeOf(time) };
      },
    ),
    dns: fields({
      ...base,
      name: nameOf("part", undefined),
      delay: duration({ atLeast: 1, atMost: longestMs }).optional(),
    }).transform(({ process, name: callee, delay: delayMs, ...time }, context) => {
      const callees = words?.edges.flatMap((edge) => (edge.caller === process ? [edge.callee] : []));
      requireNamed(callee, callees, { field: "name", what: `callee of ${process}` }, context);
      return { kind: "dns" as const, process, callee, delayMs, ...timeOf(time) };
    }),
    "clock-skew": fields({ ...base, by: skew }).transform(({ process, by: offsetMs, ...time }) => ({
      kind: "clock-skew" as const,
      process,
      offsetMs,
      ...timeOf(time),
    })),
    replicas: fields({
      service: nameOf("service", words?.services),
      count: z
        .int({ error: `expected a whole number from 1 to ${mostReplicas}` })
        .min(1, { error: `expected a whole number from 1 to ${mostReplicas}` })
        .max(mostReplicas, { error: `expected at most ${mostReplicas} replicas` }),
      ...timeFields,
    }).transform(({ service, count, ...time }) => ({
      kind: "replicas" as const,
      service,
      count,
      ...timeOf(time),
    })),
  };
}

type Members = ReturnType<typeof processFaults>;

/** One that changes how many processes a service has. */
export type ReplicasFault = Readonly<z.output<Members["replicas"]>>;

/** One that breaks a process. */
export type ProcessFault = Readonly<z.output<Members[Exclude<keyof Members, "replicas">]>>;

/** What has become of a process that a fault of this kind has taken: "order is already killed". */
export const participles: Readonly<Record<ProcessFault["kind"], string>> = {
  kill: "killed",
  stop: "stopped",
  restart: "restarted",
  "crash-loop": "made to crash",
  pause: "paused",
  cpu: "short of processors",
  memory: "short of memory",
  "disk-full": "out of disk",
  partition: "cut off",
  dns: "misled about names",
  "clock-skew": "at another time",
};

/** Whether it is over as soon as the process runs again, which nobody can tell before. */
export function isMomentary(fault: ProcessFault): boolean {
  return fault.kind === "restart" || (fault.kind === "kill" && fault.isRestarted);
}

/** Whether the process ends, once or again and again: with what it had in memory. */
export function endsProcess(kind: string): boolean {
  return ["kill", "stop", "restart", "crash-loop"].includes(kind);
}

/**
 * Why two faults cannot act on a process at once: of one that is gone, or held still, nothing else can be told.
 * @returns `undefined` when they can
 */
export function conflictOnProcess(one: ProcessFault, other: ProcessFault): string | undefined {
  if (one.process !== other.process) return undefined;
  const isTaken = [one, other].some(({ kind }) => endsProcess(kind) || kind === "pause");
  return isTaken || one.kind === other.kind
    ? `${one.process} is already ${participles[one.kind]}`
    : undefined;
}

/** A fault's time as far as it excludes others: a momentary one's is its beginning. */
export function excludingTime(fault: ProcessFault): FaultTime {
  return isMomentary(fault) ? { ...fault, forMs: 1 } : fault;
}

/** Where a volume is mounted: "/data". */
const mountPath = z
  .string({ error: 'expected where the volume is mounted, such as "/data"' })
  .regex(/^(\/[^/\s]+)+$/, { error: 'expected where the volume is mounted, such as "/data"' });

/** "1h" ahead, "-10m" behind -> milliseconds. */
const skew = z.string({ error: 'expected a time such as "1h", or "-10m"' }).transform((given, context) => {
  const isBehind = given.startsWith("-");
  const offsetMs = parseDurationMs(isBehind ? given.slice(1) : given);
  if (offsetMs !== undefined && offsetMs > 0 && offsetMs <= longestSkewMs)
    return isBehind ? -offsetMs : offsetMs;
  context.addIssue({ code: "custom", message: 'expected a time up to a year such as "1h", or "-10m"' });
  return z.NEVER;
});

function requireNamed(
  name: string | undefined,
  known: readonly string[] | undefined,
  { field, what }: { readonly field: string; readonly what: string },
  context: z.core.$RefinementCtx,
): void {
  if (name === undefined || known === undefined || known.includes(name)) return;
  const message =
    known.length === 0 ? `there is no ${what}, in no edge of the target` : unknownName(what, name, known);
  context.addIssue({ code: "custom", path: [field], message });
}
