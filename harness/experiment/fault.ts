import { z } from "zod";
import { formatEdge, type Edge } from "../base/edge.ts";
import { byteRate, duration, edge, fields, oneKeyOf, ratio, size } from "../base/fields.ts";

/**
 * A fault: one way of breaking one edge. All but `down` are toxics on the edge's link: they act on one stream
 * (downstream is what the callee answers) and, with a toxicity below 100 %, on that share of new connections only.
 */

const longestMs = 3_600_000;

/** The schema of one fault, `latency: {...}`; with `edges`, its edge must be one of them. */
export function faultSchema(edges?: readonly Edge[]) {
  const down = { edge: edge(edges) };
  const toxic = {
    ...down,
    stream: z
      .enum(["downstream", "upstream"], { error: "expected downstream or upstream" })
      .default("downstream"),
    toxicity: ratio({ atLeast: 0.0001 }).default(1),
  };
  return oneKeyOf({
    latency: fields({
      ...toxic,
      delay: duration({ atLeast: 1, atMost: longestMs }),
      jitter: duration({ atMost: longestMs }).optional(),
    }).transform(({ delay: delayMs, jitter: jitterMs = 0, ...link }, context) => {
      if (jitterMs > delayMs)
        context.addIssue({ code: "custom", path: ["jitter"], message: "expected at most the delay" });
      return { kind: "latency" as const, ...linkOf(link), delayMs, jitterMs };
    }),
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
    down: fields(down).transform(({ edge }) => ({ kind: "down" as const, edge })),
  });
}

/** Narrow it by `kind`; never add a flag to tell two faults apart. */
export type Fault = Readonly<z.output<ReturnType<typeof faultSchema>>>;

/** Every kind of fault, by the key that an experiment writes. */
export const faultKinds = [
  "latency",
  "bandwidth",
  "timeout",
  "reset-peer",
  "slicer",
  "limit-data",
  "slow-close",
  "down",
] as const satisfies readonly Fault["kind"][];

function linkOf(link: {
  readonly edge: Edge;
  readonly stream: "downstream" | "upstream";
  readonly toxicity: number;
}) {
  return { edge: link.edge, stream: link.stream, toxicityRatio: link.toxicity };
}

/** Why two faults cannot be injected together: they would be the same toxic, or one leaves the other nothing to act on. */
export function conflictOf(one: Fault, other: Fault): string | undefined {
  const name = formatEdge(one.edge);
  if (name !== formatEdge(other.edge)) return undefined;
  if (one.kind === "down" || other.kind === "down") {
    const second = one.kind === "down" ? other.kind : one.kind;
    return `down leaves no connection on ${name} for ${second}`;
  }
  return one.kind === other.kind && one.stream === other.stream
    ? `${one.kind} is already on ${name} (${one.stream})`
    : undefined;
}
