/**
 * When to say that an error budget burns too fast: over a long window, so that it is worth while, and over a short one, so
 * that it is still going on. A burn rate of 1 spends the budget in just the objective's window.
 *
 * Source: Google, The Site Reliability Workbook, ch. 5 "Alerting on SLOs", multiwindow, multi-burn-rate alerts.
 */
export interface BurnWindow {
  readonly severity: "page" | "ticket";
  readonly longMs: number;
  readonly shortMs: number;
  /** How much of the budget may be gone when the alert fires. */
  readonly budgetRatio: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export const productionWindows: readonly BurnWindow[] = [
  { severity: "page", longMs: hourMs, shortMs: 5 * minuteMs, budgetRatio: 0.02 },
  { severity: "page", longMs: 6 * hourMs, shortMs: 30 * minuteMs, budgetRatio: 0.05 },
  { severity: "ticket", longMs: 72 * hourMs, shortMs: 6 * hourMs, budgetRatio: 0.1 },
];

/** An experiment is over in minutes: an hour is half a minute in it. What takes days has no place there. */
const experimentScale = 120;
/** A rate needs several scrapes, one a second. */
const shortestMs = 5_000;

export const experimentWindows: readonly BurnWindow[] = productionWindows
  .filter(({ severity }) => severity === "page")
  .map((window) => ({
    ...window,
    longMs: window.longMs / experimentScale,
    shortMs: Math.max(shortestMs, window.shortMs / experimentScale),
  }));

/**
 * How many times faster than planned the budget burns where that much of it is gone after the long window; of an
 * experiment as of the production that it stands for.
 * @param windowMs the objective's
 */
export function burnRateOf({ longMs, budgetRatio }: BurnWindow, windowMs: number, scale = 1): number {
  return Number(((budgetRatio * windowMs) / (longMs * scale)).toPrecision(6));
}

export { experimentScale, shortestMs };
