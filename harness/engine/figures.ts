import type { JourneyLine } from "../record/history.ts";
import type { PhaseName } from "../record/journal.ts";
import type { PhaseFigures, Summary } from "../record/summary.ts";
import { summarizeLatency } from "../stats/latency-summary.ts";
import { quantile } from "../stats/quantile.ts";
import { isWithin, type Timeline } from "./timeline.ts";

/** Journeys of a run with times from its zero: what figures, series and objectives are computed from. */
export interface JourneySample {
  readonly journey: string;
  /** Intended start, milliseconds from the start of the load. */
  readonly startMs: number;
  /** From the intended start to the end. */
  readonly latencyMs: number;
  readonly completion: "ok" | "fail" | "unknown";
  /** False when it was never sent: it counts as failed, its latency says nothing. */
  readonly wasSent: boolean;
  readonly error: { readonly kind: string; readonly message: string } | undefined;
  readonly traceId: string | undefined;
}

export function toSample(line: JourneyLine, zeroMs: number): JourneySample {
  return {
    journey: line.journey,
    startMs: line.intendedMs - zeroMs,
    latencyMs: line.endedMs - line.intendedMs,
    completion: line.completion,
    wasSent: line.sentMs !== undefined,
    error: line.error,
    traceId: line.traceId,
  };
}

/** The samples that were meant to start in a phase. */
export function inPhase(
  samples: readonly JourneySample[],
  timeline: Timeline,
  phase: PhaseName,
): JourneySample[] {
  const window = timeline.find((candidate) => candidate.phase === phase);
  if (!window) return [];
  return samples.filter(({ startMs }) => isWithin(window, startMs));
}

/** Latencies of what was sent, however it ended: a time-out is as slow as it was. */
export function latenciesOf(samples: readonly JourneySample[]): number[] {
  return samples.filter(({ wasSent }) => wasSent).map(({ latencyMs }) => latencyMs);
}

/** Figures of one phase; no latency where nothing was sent. */
export function phaseFigures(phase: PhaseName, samples: readonly JourneySample[]): PhaseFigures {
  const count = (completion: JourneySample["completion"]): number =>
    samples.filter((sample) => sample.completion === completion).length;
  const latencies = latenciesOf(samples);
  return {
    phase,
    started: samples.length,
    ok: count("ok"),
    fail: count("fail"),
    unknown: count("unknown"),
    ...(latencies.length === 0 ? {} : { latency: summarizeLatency(latencies) }),
  };
}

type JourneySummary = Summary["journeys"][number];

/** Figures by journey and phase, the whole mix first under `mixName`. A mix of one journey is that journey. */
export function journeyFigures(
  samples: readonly JourneySample[],
  timeline: Timeline,
  mixName: string,
): readonly JourneySummary[] {
  return byJourney(samples, mixName).map(([journey, ofJourney]) => ({
    journey,
    phases: timeline.map(({ phase }) => phaseFigures(phase, inPhase(ofJourney, timeline, phase))),
    errors: errorsOf(ofJourney, timeline),
  }));
}

function errorsOf(samples: readonly JourneySample[], timeline: Timeline): JourneySummary["errors"] {
  const errors: JourneySummary["errors"] = [];
  for (const { phase } of timeline) {
    const byKind = Map.groupBy(
      inPhase(samples, timeline, phase).filter(({ completion }) => completion !== "ok"),
      ({ error }) => error?.kind ?? "unexplained",
    );
    for (const [kind, failed] of byKind) {
      const example = failed[0];
      errors.push({
        kind,
        phase,
        count: failed.length,
        example: example?.error?.message ?? "",
        ...(example?.traceId === undefined ? {} : { traceId: example.traceId }),
      });
    }
  }
  return errors.sort((a, b) => b.count - a.count);
}

const bucketMs = 1_000;

/** Success and latency by second of intended start, by journey, the whole mix first. */
export function seriesOf(
  samples: readonly JourneySample[],
  durationMs: number,
  mixName: string,
): Summary["series"] {
  const starts = Array.from({ length: Math.ceil(durationMs / bucketMs) }, (_, index) => index * bucketMs);
  return {
    bucketMs,
    journeys: byJourney(samples, mixName).map(([journey, ofJourney]) => {
      const buckets = Map.groupBy(ofJourney, ({ startMs }) => Math.floor(startMs / bucketMs) * bucketMs);
      return { journey, points: starts.map((startMs) => pointOf(startMs, buckets.get(startMs) ?? [])) };
    }),
  };
}

function pointOf(startMs: number, samples: readonly JourneySample[]) {
  const latencies = latenciesOf(samples);
  return {
    startMs,
    started: samples.length,
    ...(samples.length === 0
      ? {}
      : { successRatio: samples.filter(({ completion }) => completion === "ok").length / samples.length }),
    ...(latencies.length === 0 ? {} : { p50Ms: quantile(latencies, 0.5), p95Ms: quantile(latencies, 0.95) }),
  };
}

function byJourney(
  samples: readonly JourneySample[],
  mixName: string,
): readonly (readonly [string, readonly JourneySample[]])[] {
  const each = [...Map.groupBy(samples, ({ journey }) => journey)].sort(([a], [b]) => a.localeCompare(b));
  return [[mixName, samples] as const, ...each.filter(([journey]) => journey !== mixName)];
}
