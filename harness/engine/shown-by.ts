import { formatDuration, formatRatio, formatSize } from "../base/units.ts";
import type { EdgeFault } from "../experiment/fault.ts";
import { markOf } from "../faults/fault.ts";
import type { Touched } from "../record/journal.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import type { EdgeCall } from "../traces/edge-figures.ts";

/** What there is to tell by, of a fault that its proxy did not count. */
export interface FaultSigns extends Pick<Touched, "endedBytes" | "lostBytes"> {
  /** "Toxiproxy 2.12.0" */
  readonly proxy: string;
  /** Calls that began on the edge while the fault was there, and those that began in the baseline. */
  readonly during: readonly EdgeCall[];
  readonly before: readonly EdgeCall[];
}

export interface Shown {
  readonly bit: boolean;
  /** What shows it, or does not, in words. */
  readonly shownBy: string;
}

/** A clock that ticks in milliseconds may take one off. */
const clockErrorMs = 1;

/** Whether a fault was felt, where its proxy does not count what it touches. What could have another cause does not count. */
export function shownBy(fault: EdgeFault, signs: FaultSigns): Shown {
  const { proxy, during, before, endedBytes, lostBytes = 0 } = signs;
  const toxicityRatio = "toxicityRatio" in fault ? fault.toxicityRatio : 1;
  const takesAll = toxicityRatio === 1;
  const mark = markOf(fault);
  const [bit, told] = judged();
  const drawn = takesAll
    ? []
    : [
        `which ${formatRatio(toxicityRatio)} of connections it took is ${proxy}'s own draw, no seed repeats it`,
      ];
  return { bit, shownBy: [`${proxy} does not count what a fault touches`, told, ...drawn].join("; ") };

  function judged(): readonly [boolean, string] {
    switch (mark?.kind) {
      case undefined:
        return [false, "and nothing else shows this one"];
      case "delayed": {
        const { leastMs } = mark;
        const isLong = ({ durationMs }: EdgeCall): boolean => durationMs >= leastMs - clockErrorMs;
        const isFelt = (call: EdgeCall): boolean => call.hasFailed || isLong(call);
        return [
          (takesAll && leastMs > 0 && during.some(isLong)) || isOftener(isFelt),
          shares(`failed or lasted ${formatDuration(leastMs)} or more`, isFelt),
        ];
      }
      case "carried": {
        const calls = `${during.length} calls crossed the edge meanwhile`;
        return takesAll
          ? [during.length > 0, `${calls}, and it takes every connection`]
          : [isOftener(hasFailed), `${calls}, of which nobody knows what it took`];
      }
      case "kept": {
        const kept = lostBytes > 0 ? `, ${formatSize(lostBytes)} came in and never went out` : "";
        return [isOftener(hasFailed) || lostBytes > 0, shares("failed", hasFailed) + kept];
      }
      case "ended":
        return [
          takesAll && (endedBytes ?? 0) > 0,
          endedBytes === undefined
            ? "no call shows how a connection ends, and connections were not counted (-proxy-metrics)"
            : `${formatSize(endedBytes)} crossed on connections that ended meanwhile`,
        ];
    }
  }

  /** Beyond chance more of the calls than before; of an edge that nothing crossed before, any. */
  function isOftener(isFelt: (call: EdgeCall) => boolean): boolean {
    const felt = during.filter(isFelt).length;
    if (before.length === 0) return felt > 0;
    const usual = wilsonInterval(before.filter(isFelt).length, before.length);
    return wilsonInterval(felt, during.length).lower > usual.upper;
  }

  function shares(what: string, isFelt: (call: EdgeCall) => boolean): string {
    const of = (calls: readonly EdgeCall[]): string => `${calls.filter(isFelt).length} of ${calls.length}`;
    return `${of(during)} calls over the edge ${what}, ${of(before)} in the baseline`;
  }
}

function hasFailed(call: EdgeCall): boolean {
  return call.hasFailed;
}
