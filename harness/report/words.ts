import type { PhaseName } from "../record/journal.ts";
import type { InvariantSummary, Objective, VerdictOutcome } from "../record/summary.ts";

/**
 * The words and signs of all reports, whatever their form. A tone picks the colour, and never stands alone: the sign
 * and the word say the same to whoever sees no colour.
 */
export type Tone = "good" | "bad" | "warn" | "stop";

export interface OutcomeWord {
  readonly sign: string;
  readonly word: string;
  readonly tone: Tone;
}

/** What each verdict means, for someone who never met the word. */
export const verdictWords: Readonly<Record<VerdictOutcome, OutcomeWord & { readonly meaning: string }>> = {
  held: {
    sign: "✓",
    word: "held",
    tone: "good",
    meaning: "Every objective was met, and there is evidence that the fault was felt.",
  },
  deviated: {
    sign: "✗",
    word: "deviated",
    tone: "bad",
    meaning: "At least one objective was not met: a weakness was found.",
  },
  inconclusive: {
    sign: "?",
    word: "inconclusive",
    tone: "warn",
    meaning: "The evidence is too thin to say either way. This is not a pass.",
  },
  aborted: {
    sign: "■",
    word: "aborted",
    tone: "stop",
    meaning: "The run was stopped before its end, by a guard or by hand.",
  },
  "not-recovered": {
    sign: "!",
    word: "not recovered",
    tone: "bad",
    meaning: "A fault may still be in place, or the system did not get well again. Look at it now.",
  },
};

export const outcomeWords: Readonly<Record<Objective["outcome"] | InvariantSummary["outcome"], OutcomeWord>> =
  {
    held: verdictWords.held,
    deviated: verdictWords.deviated,
    inconclusive: verdictWords.inconclusive,
    violated: { sign: "✗", word: "violated", tone: "bad" },
    unknown: { sign: "?", word: "unknown", tone: "warn" },
  };

export const phaseWords: Readonly<Record<PhaseName, string>> = {
  warmup: "warm-up",
  baseline: "baseline",
  fault: "fault",
  recovery: "recovery",
};
