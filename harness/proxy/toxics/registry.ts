import { bandwidth } from "./bandwidth.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { noop } from "./noop.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";
import type { AnyToxicKind } from "../toxic.ts";

/** Every kind of toxic, by its `type` on the wire. */
export const toxicKinds: ReadonlyMap<string, AnyToxicKind> = new Map<string, AnyToxicKind>([
  ["bandwidth", bandwidth],
  ["latency", latency],
  ["limit_data", limitData],
  ["noop", noop],
  ["reset_peer", resetPeer],
  ["slicer", slicer],
  ["slow_close", slowClose],
  ["timeout", timeout],
]);
