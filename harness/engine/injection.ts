import type { ProcessEvidence, Touched, UndoRecord } from "../record/journal.ts";

/**
 * A fault on its way into the fleet and out of it again. Making one touches nothing yet:
 *
 *   undo ─→ (journal) ─→ begin ─→ … ─→ end
 */
export interface Injection {
  /** How somebody else would end it, who has only the journal. */
  readonly undo: UndoRecord;
  /** Deadline for its end, in milliseconds. */
  readonly undoWithinMs: number;
  /** Whether its end follows at once. */
  readonly isMomentary: boolean;
  /**
   * Puts it in place.
   * @param over aborts when the fault is not wanted any more
   * @returns how that was done, where the fault alone does not say
   * @throws {SQUALL_PROXY|SQUALL_NO_FLEET|SQUALL_UNSUPPORTED} and whatever part of it is in place by then stays for `end`
   */
  begin(over: AbortSignal): Promise<string | undefined>;
  /** Ends it, also when `begin` did not succeed. Safe to call again. @returns what it has done */
  end(signal: AbortSignal): Promise<Ended>;
}

export interface Ended extends Touched {
  readonly evidence?: ProcessEvidence;
  /** The proxy had ended it before, since nobody renewed its lease. */
  readonly hasExpired?: boolean;
}
