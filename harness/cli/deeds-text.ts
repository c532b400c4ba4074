import { describeDeed, type PlannedDeed } from "../engine/planned-deed.ts";
import { formatDuration } from "../base/units.ts";

/** What a run would do, a line each, by its time; what is said again and again is said once, with how often. */
export function deedsText(deeds: readonly PlannedDeed[]): readonly string[] {
  const again = Map.groupBy(deeds.filter(isRepeated), describeDeed);
  const width = Math.max(...deeds.map((deed) => timeText(deed).length));
  const told = new Set<string>();
  return deeds.flatMap((deed) => {
    const text = describeDeed(deed);
    if (isRepeated(deed) && told.has(text)) return [];
    told.add(text);
    const all = isRepeated(deed) ? (again.get(text) ?? []) : [];
    const last = all.at(-1);
    const times =
      all.length < 2 || last === undefined ? "" : ` (${all.length} times, last at ${timeText(last)})`;
    return [`${timeText(deed).padStart(width)}  ${deed.kind.padEnd(7)}  ${text}${times}`];
  });
}

/** A beat: it says again what was said. */
function isRepeated(deed: PlannedDeed): boolean {
  return deed.kind === "proxy" && deed.method === "PUT";
}

function timeText({ atMs }: PlannedDeed): string {
  return atMs === undefined ? "before" : formatDuration(atMs);
}
