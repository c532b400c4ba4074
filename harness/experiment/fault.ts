import { z } from "zod";
import { byteRate, duration, fields, oneKeyOf, ratio, size } from "../base/fields.ts";
import type { TargetEdge } from "../target/target-edge.ts";
import { callFaults } from "./call-fault.ts";
import { delayFields, delayOf } from "./delay.ts";
import { placeFields, placeOf, type GivenPlace } from "./place.ts";
import { processFaults, type ProcessFault, type ProcessWords } from "./process-fault.ts";

export type { ProcessFault, ReplicasFault } from "./process-fault.ts";

/**
 * A fault: one way of breaking one edge, or one process. `down` takes the whole edge; faults of calls (call-fault.ts)
 * take single calls; those of process-fault.ts take a process; the others are toxics on the edge's link: they act on one
 * stream (downstream is what the callee answers) and, with a toxicity below 100 %, on that share of new connections only.
 */

const longestMs = 3_600_000;

/**
 * The schema of one fault, `latency: {...}`.
 * @param edges what its edge must be one of
 * @param words what a fault of a process may name
 */
export function faultSchema(edges?: readonly TargetEdge[], words?: ProcessWords) {
  const place = placeFields(edges);
  const toxic = {
    ...place,
    stream: z
      .enum(["downstream", "upstream"], { error: "expected downstream or upstream" })
      .default("downstream"),
    toxicity: ratio({ atLeast: 0.0001 }).default(1),
  };
  return oneKeyOf({
    latency: fields({ ...toxic, ...delayFields }).transform(
      ({ delay, jitter, distribution, values, ...link }, context) => ({
        kind: "latency" as const,
        ...linkOf(link),
        ...delayOf({ delay, jitter, distribution, values }, context),
      }),
    ),
    bandwidth: fields({ ...toxic, rate: byteRate({ atLeast: 1_000 }) }).transform(
      ({ rate: rateBytesPerSecond, ...link }) => ({
        kind: "bandwidth" as const,
        ...linkOf(link),
        rateBytesPerSecond,
      }),
    ),
    timeout: fields({ ...toxic, after: duration({ atMost: longestMs }).default(0) }).transform(
      ({ after: afterMs, ...link }) => ({ kind: "timeout" as const, ...linkOf(link), afterMs }),
    ),
    "reset-peer": fields({ ...toxic, after: duration({ atMost: longestMs }).default(0) }).transform(
      ({ after: afterMs, ...link }) => ({ kind: "reset-peer" as const, ...linkOf(link), afterMs }),
    ),
    slicer: fields({
      ...toxic,
      "average-size": size({ atLeast: 1 }),
      "size-variation": size().default(0),
      delay: duration({ atMost: 60_000 }).default(0),
    }).transform(
      (
        { "average-size": averageSizeBytes, "size-variation": sizeVariationBytes, delay: delayMs, ...link },
        context,
      ) => {
        if (sizeVariationBytes > averageSizeBytes)
          context.addIssue({
            code: "custom",
            path: ["size-variation"],
            message: "expected at most the average size",
          });
        return { kind: "slicer" as const, ...linkOf(link), averageSizeBytes, sizeVariationBytes, delayMs };
      },
    ),
    "limit-data": fields({ ...toxic, size: size() }).transform(({ size: sizeBytes, ...link }) => ({
      kind: "limit-data" as const,
      ...linkOf(link),
      sizeBytes,
    })),
    "slow-close": fields({ ...toxic, delay: duration({ atLeast: 1, atMost: longestMs }) }).transform(
      ({ delay: delayMs, ...link }) => ({ kind: "slow-close" as const, ...linkOf(link), delayMs }),
    ),
    down: fields(place).transform((given) => ({ kind: "down" as const, ...placeOf(given) })),
    ...callFaults(edges),
    ...processFaults(words),
  });
}

/** Narrow it by `kind`; never add a flag to tell two faults apart. */
export type Fault = Readonly<z.output<ReturnType<typeof faultSchema>>>;

/** One that breaks an edge. */
export type EdgeFault = Extract<Fault, { readonly edge: unknown }>;

/** One that a runtime makes: of a process, or of how many a service has. */
export type RuntimeFault = Exclude<Fault, EdgeFault>;

/** One that acts on single calls. */
export type CallFault = Extract<Fault, { readonly calls: unknown }>;

/** Every kind of fault of an edge, by the key that an experiment writes. */
export const edgeFaultKinds = [
  "latency",
  "bandwidth",
  "timeout",
  "reset-peer",
  "slicer",
  "limit-data",
  "slow-close",
  "down",
  "http-status",
  "http-delay",
  "http-abort",
  "http-lost-response",
  "http-duplicate",
  "http-truncate",
  "http-corrupt",
  "http-header",
  "http-rate-limit",
  "pg-delay",
  "pg-error",
] as const satisfies readonly EdgeFault["kind"][];

/** Every kind of fault of processes. */
export const runtimeFaultKinds = [
  "kill",
  "stop",
  "restart",
  "crash-loop",
  "pause",
  "cpu",
  "memory",
  "disk-full",
  "partition",
  "dns",
  "clock-skew",
  "replicas",
] as const satisfies readonly RuntimeFault["kind"][];

/** Every kind of fault. */
export const faultKinds = [...edgeFaultKinds, ...runtimeFaultKinds] as const;

export function isEdgeFault(fault: Fault): fault is EdgeFault {
  return "edge" in fault;
}

export function isProcessFault(fault: Fault): fault is ProcessFault {
  return "process" in fault;
}

/** The service or store that a fault of the runtime acts on. */
export function partOf(fault: RuntimeFault): string {
  return isProcessFault(fault) ? fault.process : fault.service;
}

/** What other faults call it. */
export function nameOfFault(fault: Fault): string | undefined {
  return isEdgeFault(fault) ? fault.name : undefined;
}

export function isCallFault(fault: Fault): fault is CallFault {
  return "calls" in fault;
}

interface GivenLink extends GivenPlace {
  readonly stream: "downstream" | "upstream";
  readonly toxicity: number;
}

function linkOf({ stream, toxicity, ...place }: GivenLink) {
  return { ...placeOf(place), stream, toxicityRatio: toxicity };
}

/** The name of the fault that must have been felt before this one acts. */
export function namedBefore(fault: Fault): string | undefined {
  return isCallFault(fault) && typeof fault.calls.after === "string" ? fault.calls.after : undefined;
}
