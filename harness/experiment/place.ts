import type { Edge } from "../base/edge.ts";
import { edge, nameSchema } from "../base/fields.ts";
import type { TargetEdge } from "../target/target-edge.ts";
import { timeFields, timeOf, type FaultTime, type GivenTime } from "./fault-time.ts";

/** Where and when a fault is, and what other faults call it. */
export interface Place extends FaultTime {
  readonly edge: Edge;
  readonly name?: string | undefined;
}

/** As the fields give it. */
export interface GivenPlace extends GivenTime {
  readonly edge: Edge;
  readonly name?: string | undefined;
}

/**
 * The fields that every fault of an edge has.
 * @param edges what the edge must be one of
 * @param protocol what must be spoken on it
 */
export function placeFields(edges: readonly TargetEdge[] | undefined, protocol?: "http" | "postgresql") {
  return {
    edge: edge(edges).superRefine(({ caller, callee }, context) => {
      const spoken = edges?.find((known) => known.caller === caller && known.callee === callee)?.protocol;
      if (protocol === undefined || spoken === undefined || spoken === protocol) return;
      const wanted = protocol === "http" ? "calls over HTTP" : "a PostgreSQL store";
      const message = `this fault needs ${wanted}; ${callee} is called by ${spoken}`;
      context.addIssue({ code: "custom", message });
    }),
    name: nameSchema.optional(),
    ...timeFields,
  };
}

export function placeOf({ edge, name, ...time }: GivenPlace): Place {
  return { edge, ...(name === undefined ? {} : { name }), ...timeOf(time) };
}
