import { bandwidth } from "./bandwidth.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { noop } from "./noop.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";
import type { ToxicKind } from "./toxic.ts";

/** Every kind of toxic by its type on the wire; a new one is added here. */
export const toxicKinds: ReadonlyMap<string, ToxicKind<never>> = new Map(
  [bandwidth, latency, limitData, noop, resetPeer, slicer, slowClose, timeout].map((kind) => [
    kind.type,
    // A kind only ever opens stages with attributes that its own schema parsed.
    kind as ToxicKind<never>,
  ]),
);
