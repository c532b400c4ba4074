import type { HistoryLine } from "../record/history.ts";
import type { Row } from "../record/row.ts";

/** The observation of what clients were told. Its rows differ in their columns: each step tells something else. */
export const toldName = "told";

/**
 * What clients were told, one row for each operation that recorded something: `journey`, `step`, `completion`, `traceId`
 * where it has one, and what was told. What was told wins where it has a name of these.
 */
export function toldRows(lines: readonly HistoryLine[]): readonly Row[] {
  return lines.flatMap((line) => {
    if (line.kind !== "operation" || line.told === undefined) return [];
    const { journey, step, completion, traceId, told } = line;
    return [{ journey, step, completion, ...(traceId === undefined ? {} : { traceId }), ...told }];
  });
}
