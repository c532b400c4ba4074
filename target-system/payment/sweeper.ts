import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";
import { pause } from "../service-kit/pause.ts";
import { orderIdAttribute } from "../service-kit/tracing/order-span.ts";
import { inLinkedTrace, nobody } from "../service-kit/tracing/trace-link.ts";

/**
 * Goes on with what was left open, a few at a time: claims what is due, works on it, and looks again. Each piece has a
 * lane of its own, so that one which a slow gateway holds up holds up no other.
 */
export interface Sweep<T extends LeftOpen> {
  /** What is done with a piece, for its span: "settle payment". */
  readonly task: string;
  /** Pieces at work at once. */
  readonly lanes: number;
  /** @param running references at work here, not to be claimed again */
  readonly claim: (limit: number, running: readonly string[]) => Promise<readonly T[]>;
  /** Rejects when the piece stays open. */
  readonly work: (piece: T) => Promise<unknown>;
}

export interface LeftOpen {
  readonly reference: string;
  readonly orderId: string;
}

const idleMs = 500;

/** Sweeps until the signal aborts. Replicas share the work: what one claims, the others do not for a while. */
export async function sweep<T extends LeftOpen>(
  { task, lanes, claim, work }: Sweep<T>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const running = new Set<T>();
  while (!signal.aborted) {
    const free = lanes - running.size;
    if (free > 0) {
      try {
        const references = [...running].map(({ reference }) => reference);
        for (const piece of await claim(free, references)) {
          running.add(piece);
          void settle(piece).finally(() => running.delete(piece));
        }
      } catch (error) {
        log.warn({ err: error }, "the sweep failed");
      }
    }
    await pause(idleMs, signal);
  }

  /** In a trace of its own, which the order's id leads to: the request that left it open has long been answered. Never rejects. */
  async function settle(piece: T): Promise<void> {
    const attributes = { [orderIdAttribute]: piece.orderId };
    await inLinkedTrace({ name: task, kind: SpanKind.INTERNAL, attributes }, nobody, async () => {
      try {
        await work(piece);
      } catch (error) {
        log.warn({ err: error, reference: piece.reference }, "not settled yet");
        throw error;
      }
    }).catch(() => undefined); // told above, in its trace
  }
}
