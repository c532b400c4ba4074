import type { LoadResult } from "../../load/driver.ts";
import type { Highlights } from "../../load/highlights.ts";
import type { RecordedLoad } from "../../load/recording/recorded-load.ts";
import { summarizeLoad, type LoadSummary } from "../../load/recording/load-summary.ts";

/** What is told of a load when it is over: on the terminal, and as `--json` and `summary.json`. */
export interface LoadReport extends LoadSummary {
  /** "shopper at 200/s for 30 s" */
  readonly title: string;
  /** Whether it was ended by hand. */
  readonly interrupted: boolean;
  /** Virtual users that took journeys; absent where several loads are merged. */
  readonly users?: number;
  /** Absent where several loads are merged, and where the driver died. */
  readonly highlights?: Highlights;
  /** Errors of the journeys' code that no journey awaited. */
  readonly stray: LoadResult["stray"];
}

/** @param result absent where several loads are merged, and where the driver died */
export function reportOf(
  load: RecordedLoad,
  title: string,
  interrupted: boolean,
  result: LoadResult | undefined,
): LoadReport {
  return {
    ...summarizeLoad(load),
    title,
    interrupted,
    ...(result === undefined ? {} : { users: result.users, highlights: result.highlights }),
    stray: result?.stray ?? [],
  };
}
