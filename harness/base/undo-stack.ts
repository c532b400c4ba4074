import { messageOf } from "./errors.ts";
import { systemClock, type Clock } from "./clock.ts";

/** Ends what was begun. Must be safe to call twice. */
export type Undo = (signal: AbortSignal) => Promise<void>;

export interface UndoFailure {
  readonly what: string;
  readonly message: string;
}

/**
 * What must be undone, whatever happens. All undos run at once, each under its own deadline, so that one that hangs
 * cannot hold up another; what failed is returned, never thrown away.
 */
export class UndoStack {
  readonly #entries = new Map<string, Undo>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Names of what is still to be undone. */
  get pending(): readonly string[] {
    return [...this.#entries.keys()];
  }

  push(what: string, undo: Undo): void {
    this.#entries.set(what, undo);
  }

  /**
   * Undoes everything still pending.
   * @param withinMs deadline for each undo, in milliseconds
   */
  async undoAll(withinMs: number): Promise<readonly UndoFailure[]> {
    return (await Promise.all(this.pending.map((what) => this.undo(what, withinMs)))).flat();
  }

  /** Undoes one entry; an entry that is unknown or already undone is no failure. An entry that failed stays pending. */
  async undo(what: string, withinMs: number): Promise<readonly UndoFailure[]> {
    const undo = this.#entries.get(what);
    if (!undo) return [];
    const controller = new AbortController();
    const deadline = this.#clock.sleep(withinMs, controller.signal).then(
      () => {
        throw new Error(`not undone within ${withinMs} ms`);
      },
      () => undefined,
    );
    try {
      await Promise.race([undo(controller.signal), deadline]);
      this.#entries.delete(what);
      return [];
    } catch (error) {
      return [{ what, message: messageOf(error) }];
    } finally {
      controller.abort();
      await deadline.catch(() => undefined);
    }
  }
}
