import { overlap } from "./fault-time.ts";
import { isCallFault, type Fault } from "./fault.ts";

/** How much of what crosses its edge a fault may take: of all calls, or of connections, with all that goes over them. */
export interface FaultShare {
  readonly of: "calls" | "connections";
  /** At most, in (0, 1]; what a match leaves of it, nobody knows before. */
  readonly ratio: number;
  /** At most so many calls, where the fault counts them. */
  readonly mostCalls?: number;
  /** Whether it takes only calls that match. */
  readonly isMatched: boolean;
}

export function shareOf(fault: Fault): FaultShare {
  if (isCallFault(fault)) {
    const { match, nth, every = 1, times, probabilityRatio } = fault.calls;
    const mostCalls = nth === undefined ? times : 1;
    return {
      of: "calls",
      ratio: probabilityRatio / every,
      ...(mostCalls === undefined ? {} : { mostCalls }),
      isMatched: match !== undefined,
    };
  }
  return { of: "connections", ratio: "toxicityRatio" in fault ? fault.toxicityRatio : 1, isMatched: false };
}

/** The most that faults of one edge may take of it at any one time, in [0, 1]. */
export function largestShare(faults: readonly Fault[]): number {
  const together = faults.map((fault) =>
    faults.filter((other) => overlap(fault, other)).reduce((sum, other) => sum + shareOf(other).ratio, 0),
  );
  return Math.min(1, Math.max(0, ...together));
}
