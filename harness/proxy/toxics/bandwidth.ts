import type { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { DelayLine } from "./delay-line.ts";
import { attributesOf, wholeNumber, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ rate: wholeNumber("KB/s", { from: 1, to: 1_000_000_000 }) });

/** What is held lasts this long at the rate: the sender feels the rate soon, and a late turn leaves no gap. */
const heldMs = 50;
const leastHeldBytes = 64 * 1_024;
const mostHeldBytes = 4 * 1_024 * 1_024;
/** A chunk is sent in pieces that take about this long each. */
const pieceMs = 20;
/** A sender that had to wait goes on this soon after the last piece has left. */
const atOnceMs = 5;
/** What at most is made up of time that was lost because the machine was busy. */
const mostMadeUpMs = 1_000;

/** A stream carries no more than `rate` KB/s (1 KB is 1,000 bytes) on each connection. */
export const bandwidth: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes: Infinity });
    let freeAtMs = 0;
    let wasFull = false;
    const isFull = (): boolean => {
      const rateBytes = attributes().rate * heldMs;
      return line.heldBytes >= Math.max(leastHeldBytes, Math.min(rateBytes, mostHeldBytes));
    };
    return {
      write(chunk) {
        const bytesPerMs = attributes().rate;
        outlet.touch(chunk.length);
        const nowMs = systemClock.nowMs();
        const hadToWait = wasFull && (!line.isEmpty || nowMs - line.leftAtMs < atOnceMs);
        freeAtMs = Math.max(freeAtMs, hadToWait ? nowMs - mostMadeUpMs : nowMs);
        for (let from = 0; from < chunk.length; from += bytesPerMs * pieceMs) {
          const piece = chunk.subarray(from, from + bytesPerMs * pieceMs);
          freeAtMs += piece.length / bytesPerMs;
          line.hold(piece, freeAtMs);
        }
        wasFull = isFull();
      },
      end: (ending) => line.pass(ending),
      isFull,
      update() {
        line.release();
        freeAtMs = 0;
      },
      release: () => line.release(),
      drop: () => line.drop(),
    };
  },
};
