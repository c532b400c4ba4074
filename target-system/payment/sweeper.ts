import type { Logger } from "pino";
import { pause } from "../service-kit/pause.ts";

/**
 * Goes on with what was left open, a few at a time: claims what is due, works on it, and looks again. Each piece has a
 * lane of its own, so that one which a slow gateway holds up holds up no other.
 */
export interface Sweep<T extends { readonly reference: string }> {
  /** Pieces at work at once. */
  readonly lanes: number;
  /** @param running references at work here, not to be claimed again */
  readonly claim: (limit: number, running: readonly string[]) => Promise<readonly T[]>;
  /** Rejects when the piece stays open. */
  readonly work: (piece: T) => Promise<unknown>;
}

const idleMs = 500;

/** Sweeps until the signal aborts. Replicas share the work: what one claims, the others do not for a while. */
export async function sweep<T extends { readonly reference: string }>(
  { lanes, claim, work }: Sweep<T>,
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
          void work(piece)
            .catch((error: unknown) =>
              log.warn({ err: error, reference: piece.reference }, "not settled yet"),
            )
            .finally(() => running.delete(piece));
        }
      } catch (error) {
        log.warn({ err: error }, "the sweep failed");
      }
    }
    await pause(idleMs, signal);
  }
}
