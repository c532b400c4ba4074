import { SquallError } from "../base/errors.ts";
import type { EdgeFault } from "../experiment/fault.ts";
import { describeFault } from "./fault.ts";
import type { ProxyApi } from "./proxy-api.ts";

/** @throws {SQUALL_UNSUPPORTED} naming every fault that the proxy cannot do, and why */
export function requireInjectable(
  { name, refusalOf }: Pick<ProxyApi, "name" | "refusalOf">,
  faults: readonly EdgeFault[],
): void {
  const refused = faults.flatMap((fault) => {
    const why = refusalOf(fault);
    return why === undefined ? [] : [`  ${describeFault(fault)}: ${why}`];
  });
  if (refused.length === 0) return;
  const what = refused.length === 1 ? "1 fault" : `${refused.length} faults`;
  throw new SquallError("SQUALL_UNSUPPORTED", [`${name} cannot do ${what}`, ...refused].join("\n"), {
    hint:
      "it can do latency (spread evenly), bandwidth, timeout, reset-peer (all connections), slicer, limit-data, slow-close and down; " +
      "Squall's own proxy does them all",
  });
}
