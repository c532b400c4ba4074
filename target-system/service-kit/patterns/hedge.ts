import { troubleOf, type Outcome } from "./outcome.ts";
import type { Tell } from "./pattern-event.ts";

/**
 * Asks a second time when the first answer is later than nearly all were before, and takes whichever comes first; the
 * other attempt is cancelled. Cuts the tail that one slow replica or one lost packet makes, and is only for reads.
 *
 * Source: J. Dean, L. A. Barroso, The Tail at Scale, CACM 56(2), 2013 ("hedged requests", deferred until the 95th
 * percentile has passed). What they cost is bounded by the retry budget.
 */
export interface HedgeOptions {
  readonly callee: string;
  /** How long the first attempt has before the second one starts. */
  readonly delayMs: number;
  /** Asked when that time is over. */
  readonly mayHedge: () => boolean;
  readonly tell: Tell;
}

/** Which of the two an attempt is. */
export type HedgePlace = "first" | "second";

/** @param attempt begins an attempt that ends when its controller aborts */
export async function hedged(
  attempt: (cut: AbortController, place: HedgePlace) => Promise<Outcome>,
  { callee, delayMs, mayHedge, tell }: HedgeOptions,
): Promise<Outcome> {
  const first = begin(attempt, "first");
  const early = await firstWithin(first.outcome, delayMs);
  if (early !== undefined || !mayHedge()) return early ?? first.outcome;
  const second = begin(attempt, "second");
  const startMs = performance.now();
  const winner = await firstGood(first, second);
  (winner === first ? second : first).cut.abort(new AnsweredElsewhere());
  const outcome = winner === second ? "won" : "lost";
  tell({ kind: "hedged", callee, outcome, afterMs: performance.now() - startMs });
  return winner.outcome;
}

/** An AbortError: to a trace, an attempt that is no longer needed is no failure. */
export class AnsweredElsewhere extends Error {
  override readonly name = "AbortError";

  constructor() {
    super("another attempt answered first");
  }
}

interface Begun {
  readonly cut: AbortController;
  readonly outcome: Promise<Outcome>;
}

function begin(
  attempt: (cut: AbortController, place: HedgePlace) => Promise<Outcome>,
  place: HedgePlace,
): Begun {
  const cut = new AbortController();
  return { cut, outcome: attempt(cut, place) };
}

async function firstWithin(outcome: Promise<Outcome>, delayMs: number): Promise<Outcome | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), delayMs);
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

/** The first to end without trouble; when neither does, the first. */
async function firstGood(first: Begun, second: Begun): Promise<Begun> {
  const endOf = async (begun: Begun): Promise<Begun> => {
    await begun.outcome;
    return begun;
  };
  const earlier = await Promise.race([endOf(first), endOf(second)]);
  if (isGood(await earlier.outcome)) return earlier;
  const later = earlier === first ? second : first;
  return isGood(await later.outcome) ? later : first;
}

function isGood(outcome: Outcome): boolean {
  return outcome.kind === "answered" && troubleOf(outcome) === undefined;
}

const keptSamples = 256;
const neededSamples = 50;
const reckonEvery = 16;
const percentile = 0.95;
/** Below this a busy event loop, not the callee, is what one waits for. */
const leastDelayMs = 10;

/** What a callee's answers took lately: how long to wait before asking again. */
export class HedgeDelay {
  readonly #samplesMs: number[] = [];
  #next = 0;
  #delayMs: number | undefined;

  /** A duration; of an attempt that was cancelled, what it had taken by then: the truth is longer still. */
  record(durationMs: number): void {
    this.#samplesMs[this.#next % keptSamples] = durationMs;
    this.#next += 1;
    if (this.#next >= neededSamples && this.#next % reckonEvery === 0) this.#reckon();
  }

  /** Undefined until enough is known. */
  get delayMs(): number | undefined {
    return this.#delayMs;
  }

  #reckon(): void {
    const sorted = [...this.#samplesMs].sort((a, b) => a - b);
    const rank = Math.ceil(sorted.length * percentile) - 1;
    this.#delayMs = Math.max(leastDelayMs, sorted[rank] ?? leastDelayMs);
  }
}
