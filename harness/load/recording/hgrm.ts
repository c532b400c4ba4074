import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SquallError, messageOf } from "../../base/errors.ts";
import { percentileDistribution } from "../../stats/percentile-distribution.ts";
import type { RecordedLoad } from "./recorded-load.ts";

/**
 * Writes the percentiles of each journey and each step as HdrHistogram's tools plot them, two files each:
 * `checkout.latency.hgrm`, `checkout.place-order.service.hgrm`.
 * @returns the files, in order
 * @throws {SQUALL_FILE} when one cannot be written
 */
export function writeHgrm({ journeys, steps }: RecordedLoad, folder: string): readonly string[] {
  const files = new Set<string>();
  for (const { journey, step, total } of [...journeys, ...steps])
    for (const kind of ["latency", "service"] as const) {
      const name = [journey, ...(step === undefined ? [] : [step])].map(asFileName).join(".");
      const file = unused(files, join(folder, name), `.${kind}.hgrm`);
      files.add(file);
      try {
        writeFileSync(file, percentileDistribution(total[kind]));
      } catch (error) {
        throw new SquallError("SQUALL_FILE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
      }
    }
  return [...files];
}

function asFileName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]+/g, "-");
}

/** Names that differ only in what a file name cannot hold get a number. */
function unused(files: ReadonlySet<string>, path: string, ending: string): string {
  let file = `${path}${ending}`;
  for (let number = 2; files.has(file); number += 1) file = `${path}-${number}${ending}`;
  return file;
}
