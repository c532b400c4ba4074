import { formatDuration, formatRatio } from "../base/units.ts";
import { describeAlert, type AlertExpectation } from "../experiment/alert-expectation.ts";
import type { AlertCondition, AlertLog, EvaluatedAlert } from "../record/alert-log.ts";
import type { AlertSummary, Objective } from "../record/summary.ts";

/** What an alert is judged on. */
export interface AlertFacts {
  /** What came of the rules; absent where the run ended before they were evaluated. */
  readonly log: AlertLog | undefined;
  /** Epoch milliseconds of the run's zero. */
  readonly zeroMs: number;
  /** When the first fault began, from the run's zero; absent when none did. */
  readonly injectedMs: number | undefined;
  /** End of the load, from the run's zero: afterwards nothing is asked of the system. */
  readonly endMs: number;
}

/** In fewer of its evaluations under load than this, silence may be blindness. */
const seenAtLeastRatio = 0.8;

/**
 * Judges what an experiment expects of one alert. Windows that had not filled when the fault began make an alert come sooner
 * than it would after a longer healthy time, so that where the two differ in what they say, nothing is decided.
 */
export function judgeAlert(id: string, expectation: AlertExpectation, facts: AlertFacts): Objective {
  const { log, zeroMs, injectedMs } = facts;
  const evaluated = log?.alerts.find(({ name }) => name === expectation.alert);
  const said = (outcome: Objective["outcome"], measured: string, why: string): Objective => ({
    id,
    kind: "alert",
    title: describeAlert(expectation),
    outcome,
    measured,
    why,
    traceIds: [],
    ...(log && evaluated && { alert: alertSummary(log, evaluated, zeroMs) }),
  });
  if (log === undefined || evaluated === undefined)
    return said(
      "inconclusive",
      "not evaluated",
      log?.problem ?? "the run ended before its rules were evaluated",
    );
  if (injectedMs === undefined) return said("inconclusive", "not measured", "no fault was injected");

  const reading = (values: EvaluatedAlert["firing"]): Reading =>
    readingOf(firingTimes(values, log, zeroMs), injectedMs);
  const recorded = reading(evaluated.firing);
  const withPast = evaluated.firingWithPast && reading(evaluated.firingWithPast);
  const window = formatDuration(evaluated.longestWindowMs);
  const measured =
    withPast === undefined || isSame(recorded, withPast)
      ? readingText(recorded)
      : `${readingText(recorded)}; had the baseline gone on for ${window} before, ${readingText(withPast)}`;
  const wasFiring = [recorded, withPast].find((one) => one?.kind === "fired-before");
  if (wasFiring !== undefined)
    return said("inconclusive", readingText(wasFiring), "it says nothing of the fault that it fired before");

  const watchedMs = log.startMs + (log.evaluations - 1) * log.everyMs - zeroMs - injectedMs;
  const [one, other] = [recorded, withPast ?? recorded].map((each) => agrees(expectation, each));
  if (one !== other)
    return said(
      "inconclusive",
      measured,
      `its windows of up to ${window} were not full when the fault began; a warm-up and a baseline as long would settle it`,
    );
  const seen = seenRatio(log, evaluated, zeroMs, injectedMs, facts.endMs);
  const scale = log.scale === 1 ? "" : `; windows are 1/${log.scale} of production's`;
  if (one === true && expectation.expects === "fires") return said("held", measured, `in time${scale}`);
  if (recorded.kind === "fired")
    return said(
      "deviated",
      measured,
      `${expectation.expects === "fires" ? "too late" : peaks(log, evaluated, facts)}${scale}`,
    );
  if (expectation.expects === "fires" && watchedMs < expectation.withinMs)
    return said(
      "inconclusive",
      measured,
      `metrics end ${formatDuration(Math.max(0, watchedMs))} after the fault began; a longer recovery phase would tell`,
    );
  if (
    expectation.expects === "fires" ? seen.before === 0 && seen.during === 0 : seen.during < seenAtLeastRatio
  )
    return said(
      "inconclusive",
      measured,
      `it had something to go by in ${formatRatio(seen.during)} of its evaluations under the fault and after`,
    );
  return said(one === true ? "held" : "deviated", measured, `${peaks(log, evaluated, facts)}${scale}`);
}

/** What an alert did, seen from the fault; times from the run's zero. */
type Reading =
  | { readonly kind: "silent" }
  | { readonly kind: "fired-before"; readonly byMs: number }
  | { readonly kind: "fired"; readonly afterMs: number; readonly forMs: number };

function readingOf(firing: AlertSummary["firing"], injectedMs: number): Reading {
  const since = firing.find(({ endMs }) => endMs > injectedMs);
  if (since === undefined) return { kind: "silent" };
  return since.startMs <= injectedMs
    ? { kind: "fired-before", byMs: injectedMs - since.startMs }
    : { kind: "fired", afterMs: since.startMs - injectedMs, forMs: since.endMs - since.startMs };
}

function isSame(one: Reading, other: Reading): boolean {
  return readingText(one) === readingText(other);
}

function readingText(reading: Reading): string {
  switch (reading.kind) {
    case "silent":
      return "silent";
    case "fired-before":
      return `fired ${formatDuration(reading.byMs)} before the fault began`;
    case "fired":
      return `fired ${formatDuration(reading.afterMs)} after the fault began, for ${formatDuration(reading.forMs)}`;
  }
}

/** Whether an alert did what is expected of it, on one reading alone. */
function agrees(expectation: AlertExpectation, reading: Reading): boolean {
  switch (expectation.expects) {
    case "fires":
      return reading.kind === "fired" && reading.afterMs <= expectation.withinMs;
    case "stays-silent":
      return reading.kind === "silent";
  }
}

/** When it fired, from the run's zero; one that fired in the last evaluation fired to its end. */
function firingTimes(
  values: EvaluatedAlert["firing"],
  { startMs, everyMs }: AlertLog,
  zeroMs: number,
): AlertSummary["firing"] {
  const times: { startMs: number; endMs: number }[] = [];
  for (const [index, value] of values.entries()) {
    if ((value ?? 0) === 0) continue;
    const atMs = startMs + index * everyMs - zeroMs;
    const last = times.at(-1);
    if (last?.endMs === atMs) last.endMs = atMs + everyMs;
    else times.push({ startMs: atMs, endMs: atMs + everyMs });
  }
  return times;
}

/**
 * The share of evaluations in which it had something to go by, before the fault and from it to the load's end: series, since
 * a rate goes on for as long as its window when nobody is scraped any more, and each value that it compares, since those over
 * long windows go on when nobody asks for anything any more.
 */
function seenRatio(
  { startMs, everyMs }: AlertLog,
  { conditions, series }: EvaluatedAlert,
  zeroMs: number,
  injectedMs: number,
  endMs: number,
): { readonly before: number; readonly during: number } {
  const had = series.map(
    (count, index) => (count ?? 0) > 0 && conditions.every(({ values }) => (values[index] ?? null) !== null),
  );
  const ratioOf = (isIn: (atMs: number) => boolean): number => {
    const chosen = had.filter((_, index) => isIn(startMs + index * everyMs - zeroMs));
    return chosen.length === 0 ? 0 : chosen.filter(Boolean).length / chosen.length;
  };
  return {
    before: ratioOf((atMs) => atMs >= 0 && atMs < injectedMs),
    during: ratioOf((atMs) => atMs >= injectedMs && atMs <= endMs),
  };
}

/** How near it came: "slo:bad:ratio_rate30s{…} reached 0.41 (fires > 0.072)". */
function peaks(
  { startMs, everyMs }: AlertLog,
  { conditions }: EvaluatedAlert,
  { zeroMs, injectedMs = 0 }: AlertFacts,
): string {
  const from = Math.max(0, Math.ceil((injectedMs + zeroMs - startMs) / everyMs));
  const told = conditions.map(({ expr, comparison, threshold, values }) => {
    const peak = farthest(comparison, values.slice(from));
    const reached = peak === undefined ? "had no value" : `reached ${Number(peak.toPrecision(3))}`;
    return `${expr.replace(/\{.*\}$/, "")} ${reached} (fires ${comparison} ${threshold})`;
  });
  return told.length === 0 ? "its rule compares nothing with a number" : told.join(", ");
}

function farthest(
  comparison: AlertCondition["comparison"],
  values: AlertCondition["values"],
): number | undefined {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return undefined;
  return comparison.startsWith(">") ? Math.max(...there) : Math.min(...there);
}

function alertSummary(log: AlertLog, evaluated: EvaluatedAlert, zeroMs: number): AlertSummary {
  const { firing, firingWithPast, conditions, longestWindowMs } = evaluated;
  return {
    rules: log.rules,
    scale: log.scale,
    longestWindowMs,
    firing: firingTimes(firing, log, zeroMs),
    ...(firingWithPast && { firingWithPast: firingTimes(firingWithPast, log, zeroMs) }),
    startMs: log.startMs - zeroMs,
    everyMs: log.everyMs,
    conditions,
  };
}
