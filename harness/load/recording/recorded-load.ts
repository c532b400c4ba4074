import { SquallError } from "../../base/errors.ts";
import { readJsonl } from "../../base/jsonl.ts";
import { runFolder } from "../../record/run-folder.ts";
import {
  createHistogram,
  histogramFromJSON,
  mergeHistograms,
  type Histogram,
} from "../../stats/histogram.ts";
import {
  histogramLineSchema,
  intervalMs,
  type BegunLine,
  type DriverHealth,
  type HistogramLine,
} from "./histogram-line.ts";
import { createTally, mergeTallies, tallyFromJSON, type Tally } from "./tally.ts";

/** A load as its histograms tell it: of one driver, or of several that ran at once. */
export interface RecordedLoad {
  readonly drivers: readonly RecordedDriver[];
  /** When the first arrival of any driver could come, epoch milliseconds. */
  readonly startMs: number;
  /** From then until no driver had arrivals any more. */
  readonly drivenMs: number;
  /** By journey. */
  readonly journeys: readonly Series[];
  /** By journey and step. */
  readonly steps: readonly Series[];
}

/** One driver's own part. */
export interface RecordedDriver extends Omit<BegunLine, "kind" | "schemaVersion"> {
  readonly drivenMs: number;
  /** Journeys that should have started, and that did. */
  readonly intended: number;
  readonly started: number;
  /** How late they started, in milliseconds. */
  readonly late: Histogram;
  /** Absent when it died before it could tell. */
  readonly health?: DriverHealth;
  /** Why its figures are not the whole of it, or not the target's. */
  readonly problems: readonly string[];
}

/** The operations of one step, or the journeys of one name. */
export interface Series {
  readonly journey: string;
  readonly step?: string;
  readonly total: Tally;
  /** By second of intended start: epoch milliseconds, a multiple of {@link sliceMs}. */
  readonly slices: ReadonlyMap<number, Tally>;
}

/** Intervals are kept by second: at 100 ms, ten minutes of twenty steps would take a gigabyte. */
export const sliceMs = 1_000;

/**
 * Reads what a driver left in a folder, whole or up to where a crash cut it.
 * @throws {SQUALL_FILE} when there is no beginning of a load
 */
export function readLoadResult(folder: string): RecordedLoad {
  const file = runFolder(folder).histograms;
  const journeys = new SeriesByName();
  const steps = new SeriesByName();
  const late = createHistogram();
  let begun: BegunLine | undefined;
  let drivenMs = 0;
  let intended = 0;
  let health: DriverHealth | undefined;
  let hasEnded = false;

  const take = (line: HistogramLine): void => {
    switch (line.kind) {
      case "begun":
        begun = line;
        break;
      case "interval": {
        const { journey, step, fromMs } = line;
        const tally = tallyFromJSON(line.tally);
        if (step === undefined) journeys.add({ journey }, fromMs, tally);
        else steps.add({ journey, step }, fromMs, tally);
        break;
      }
      case "starts":
        late.merge(histogramFromJSON(line.late));
        if (begun !== undefined) drivenMs = Math.max(drivenMs, line.fromMs + intervalMs - begun.startAtMs);
        break;
      case "progress":
        ({ drivenMs, intended } = line);
        health = line.health;
        break;
      case "ended":
        hasEnded = true;
        break;
    }
  };
  const { invalid } = readJsonl(file, (value) => take(histogramLineSchema.parse(value)));
  if (begun === undefined)
    throw new SquallError("SQUALL_FILE", `no load is on record in ${folder}`, {
      hint: `${file} begins with what the load was`,
    });
  const { kind: _, schemaVersion: __, ...facts } = begun;
  const driver: RecordedDriver = {
    ...facts,
    drivenMs,
    started: late.count,
    intended: Math.max(intended, late.count),
    late,
    ...(health === undefined ? {} : { health }),
    problems: [
      ...(hasEnded ? [] : ["the driver died: up to the last 100 ms before are missing"]),
      ...invalid.map(({ line, message }) => `line ${line} of its histograms cannot be read: ${message}`),
      ...(health?.problem === undefined ? [] : [health.problem]),
    ],
  };
  return {
    drivers: [driver],
    startMs: driver.startAtMs,
    drivenMs,
    journeys: journeys.all(),
    steps: steps.all(),
  };
}

/**
 * What one driver would have left that had done all of them: counts, percentiles, and seconds of the wall clock add up.
 * @throws {SQUALL_USAGE} when there is none, or one driver is in two of them
 */
export function mergeLoadResults(loads: readonly RecordedLoad[]): RecordedLoad {
  const drivers = loads.flatMap((load) => load.drivers);
  if (drivers.length === 0) throw new SquallError("SQUALL_USAGE", "there is no load to merge");
  const twice = drivers.find(({ driver }, at) => drivers.findIndex((other) => other.driver === driver) < at);
  if (twice !== undefined)
    throw new SquallError("SQUALL_USAGE", `a load is there twice: that of driver ${twice.driver}`, {
      hint: "each result once: a copy of one adds nothing to it",
    });
  const startMs = Math.min(...loads.map((load) => load.startMs));
  const merged = (ofLoad: (load: RecordedLoad) => readonly Series[]): readonly Series[] => {
    const series = new SeriesByName();
    for (const { journey, step, slices } of loads.flatMap(ofLoad))
      for (const [fromMs, tally] of slices)
        series.add(step === undefined ? { journey } : { journey, step }, fromMs, tally);
    return series.all();
  };
  return {
    drivers,
    startMs,
    drivenMs: Math.max(...loads.map((load) => load.startMs + load.drivenMs)) - startMs,
    journeys: merged(({ journeys }) => journeys),
    steps: merged(({ steps }) => steps),
  };
}

/** How late the journeys of all drivers started. */
export function latenessOf({ drivers }: RecordedLoad): Histogram {
  return mergeHistograms(drivers.map(({ late }) => late));
}

type SeriesName = Pick<Series, "journey" | "step">;

/** Series as they are added up. */
class SeriesByName {
  readonly #slices = new Map<string, { readonly name: SeriesName; readonly slices: Map<number, Tally> }>();

  add(name: SeriesName, fromMs: number, tally: Tally): void {
    const key = JSON.stringify([name.journey, name.step]);
    const series = this.#slices.get(key) ?? { name, slices: new Map<number, Tally>() };
    this.#slices.set(key, series);
    const sliceFromMs = Math.floor(fromMs / sliceMs) * sliceMs;
    const slice = series.slices.get(sliceFromMs) ?? createTally();
    series.slices.set(sliceFromMs, slice);
    slice.merge(tally);
  }

  /** In order of their names. */
  all(): readonly Series[] {
    return Array.from(this.#slices)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { name, slices }]) => ({ ...name, slices, total: mergeTallies(slices.values()) }));
  }
}
