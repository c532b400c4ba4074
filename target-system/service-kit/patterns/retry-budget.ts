/**
 * How many extra attempts may be made at one callee: retries and hedges alike. Each call puts in a part of a token, each
 * extra attempt takes a whole one, so that in the long run extra attempts are that part of the calls whatever the callee
 * does, and a callee that fails everything gets a tenth more load and not three times as much.
 *
 * Sources: Google, Site Reliability Engineering, ch. 21 "Handling Overload" (a client's retries at most 10 % of its
 * requests); Finagle's RetryBudget (the token bucket, here without its minimum rate).
 */
export interface RetryBudget {
  /** A call begins. */
  deposit(): void;
  /** Asks for one extra attempt. @returns false when there is none left */
  withdraw(): boolean;
}

export interface RetryBudgetOptions {
  /** Extra attempts a call, in the long run. @default 0.1 */
  readonly ratio?: number;
  /** The most that can be saved up, and what there is at first: so many trips and falls need no saving. @default 10 */
  readonly capacity?: number;
  /** Told what is left after each change. */
  readonly onTokens?: (tokens: number) => void;
}

export function createRetryBudget({
  ratio = 0.1,
  capacity = 10,
  onTokens = () => undefined,
}: RetryBudgetOptions = {}): RetryBudget {
  // In thousandths: ten deposits of 0.1 would not quite make 1.
  const [depositMilli, capacityMilli] = [Math.round(ratio * 1_000), capacity * 1_000];
  let leftMilli = capacityMilli;
  const become = (nextMilli: number): void => {
    if (nextMilli === leftMilli) return;
    leftMilli = nextMilli;
    onTokens(leftMilli / 1_000);
  };
  onTokens(capacity);
  return {
    deposit: () => become(Math.min(capacityMilli, leftMilli + depositMilli)),
    withdraw() {
      if (leftMilli < 1_000) return false;
      become(leftMilli - 1_000);
      return true;
    },
  };
}

/** Never empty. */
export const unlimitedBudget: RetryBudget = { deposit() {}, withdraw: () => true };
