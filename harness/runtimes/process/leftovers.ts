import type { Target } from "../../target/target.ts";
import { fleetProcesses } from "./end-fleet.ts";
import type { FleetProcess } from "./fleet-state.ts";
import { readLock, type LockHolder } from "../lock.ts";
import { dataLeftovers } from "./postgres-home.ts";
import { stateFolderOf } from "../state-folder.ts";

/** What there is of a target's fleet, running or lying around. */
export interface Leftovers {
  readonly processes: readonly FleetProcess[];
  /** Data folders of stores. */
  readonly folders: readonly string[];
  /** Who uses the fleet now. With a holder, none of this is left over. */
  readonly holder: LockHolder | undefined;
}

/** Looks, and touches nothing. */
export function findLeftovers(target: Target): Leftovers {
  const folder = stateFolderOf(target);
  return { processes: fleetProcesses(folder), folders: dataLeftovers(folder), holder: readLock(folder) };
}
