import type { z } from "zod";
import { DelayLine } from "./delay-line.ts";
import { attributesOf, milliseconds, type ToxicKind } from "./toxic-kind.ts";

const attributes = attributesOf({ timeout: milliseconds() });

const capacityBytes = 64 * 1_024;

/**
 * Resets the connection (RST to both ends) `timeout` milliseconds after something came: data or its end. What came is
 * held meanwhile, so a toxic removed before its time loses nothing.
 */
export const resetPeer: ToxicKind<z.output<typeof attributes>> = {
  attributes,
  open(outlet, attributes) {
    const line = new DelayLine(outlet, { capacityBytes });
    let timer: NodeJS.Timeout | undefined;
    const disarm = (): void => {
      clearTimeout(timer);
      timer = undefined;
    };
    const arm = (): void => {
      timer ??= setTimeout(() => {
        outlet.touch(line.heldBytes);
        line.drop();
        outlet.end("reset");
      }, attributes().timeout);
    };
    return {
      write(chunk) {
        line.hold(chunk, Infinity);
        arm();
      },
      end(ending) {
        line.hold(ending, Infinity);
        arm();
      },
      isFull: () => line.isFull(),
      update() {
        if (timer === undefined) return;
        disarm();
        arm();
      },
      release() {
        disarm();
        line.release();
      },
      drop() {
        disarm();
        line.drop();
      },
    };
  },
};
