import { systemClock } from "../base/clock.ts";
import { formatDuration, formatRatio, formatSize } from "../base/units.ts";
import { isCounted, type CountedFault, type FaultEvidence } from "../faults/proxy-api.ts";

export interface ListedFault {
  readonly evidence: FaultEvidence;
  /** "order -> payment" */
  readonly edge: string;
  /** In how many milliseconds it ends by itself; `undefined` for one without a lease. */
  readonly endsInMs: number | undefined;
}

/** A fault that is in place, in lines for people: what it is, what it has touched, when. */
export function faultLines({ evidence, edge, endsInMs }: ListedFault): readonly string[] {
  const name = evidence.lease ?? evidence.name;
  return [
    [name, edge, [evidence.type.replaceAll("_", "-"), ...attributesOf(evidence)].join(" ")].join("  "),
    `    ${isCounted(evidence) ? touchedText(evidence) : "the proxy does not count what it touches"}`,
    `    ${timesText(evidence)}${endsInMs === undefined ? "" : `; ends by itself in ${formatDuration(endsInMs)}`}`,
  ];
}

/** What was chosen: what changes nothing is left out. */
function attributesOf({ attributes, stream, toxicity }: FaultEvidence): readonly string[] {
  const chosen = Object.entries(attributes ?? {}).filter(
    ([name, value]) => name === "value" || !isNothing(name, value),
  );
  return [
    ...chosen.map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...(stream === "upstream" ? [stream] : []),
    ...(typeof toxicity === "number" && toxicity < 1 ? [formatRatio(toxicity)] : []),
  ];
}

function isNothing(name: string, value: unknown): boolean {
  if (name === "probability") return value === 1;
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function touchedText({ type, matched, drawn, affected, unreadable_connections }: CountedFault): string {
  const size = formatSize(affected.bytes);
  const unread =
    unreadable_connections === 0
      ? ""
      : `; ${count(unreadable_connections, "connection")} could not be read (another protocol, or encrypted)`;
  if (/^(http|pg)_/.test(type))
    return (
      `${count(matched.requests, "call")} matched, ${drawn.requests} drawn, ${affected.requests} affected ` +
      `(${count(affected.connections, "connection")}, ${size})${unread}`
    );
  // A proxy that is down has cut what was there: nothing was matched or drawn first.
  if (type === "down") return `${count(affected.connections, "connection")} cut`;
  return `${count(matched.connections, "connection")} matched, ${drawn.connections} drawn, ${affected.connections} affected (${size})`;
}

function timesText(fault: FaultEvidence): string {
  const nowMs = systemClock.nowMs();
  const since = (atMs: number): string => formatDuration(Math.max(0, nowMs - atMs));
  const { started_at_ms } = fault;
  if (!isCounted(fault) || started_at_ms === null)
    return started_at_ms === null ? "in place" : `in place for ${since(started_at_ms)}`;
  const { first_affected_at_ms, last_affected_at_ms } = fault;
  const felt =
    first_affected_at_ms === null || last_affected_at_ms === null
      ? "not felt yet"
      : `first felt ${since(first_affected_at_ms)} ago, last ${since(last_affected_at_ms)} ago`;
  return `in place for ${since(started_at_ms)}, ${felt}`;
}

function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}
