import { CallFailed } from "../service-kit/callee.ts";
import { GatewayTrouble } from "./payment-gateway.ts";

/** A call to a gateway that did not settle what it was made for. */
export interface Unheard {
  readonly why: string;
  /** False only where it is sure that the gateway did nothing. */
  readonly mayHaveHappened: boolean;
}

/** @returns undefined for any other error */
export function unheardOf(error: unknown): Unheard | undefined {
  if (error instanceof CallFailed) return { why: error.reason, mayHaveHappened: error.mayHaveHappened };
  if (error instanceof GatewayTrouble) return { why: `status-${error.status}`, mayHaveHappened: true };
  return undefined;
}
