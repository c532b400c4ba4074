import type { FaultKind, FaultOf } from "./fault-kind.ts";

/** Connections are cut, new ones refused. */
export const down: FaultKind<FaultOf<"down">> = {
  describe: () => "down (connections refused)",
  apply: (_fault, { api, proxy, lease }) => api.disable(proxy, lease),
  mark: () => ({ kind: "kept" }),
};
