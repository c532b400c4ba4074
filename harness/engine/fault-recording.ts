import { systemClock } from "../base/clock.ts";
import { waitAtMost } from "../base/wait.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";
import type { ProxyEvent } from "../faults/proxy-events.ts";
import { openFaultLog, type FaultLine } from "../record/fault-log.ts";
import type { PlannedFault } from "./fault-plan.ts";

export interface FaultRecordingOptions {
  readonly proxy: Pick<ProxyApi, "followEvents">;
  /** Path of the fault log. */
  readonly file: string;
  readonly planned: readonly PlannedFault[];
}

/** What the proxy tells of faults goes into the fault log, each event as it comes, until it is disposed of. */
export interface FaultRecording extends Disposable {
  /**
   * Waits until the ends of these faults are on record, and with them all that went before; not for long.
   * @param injected ids of faults that were put in place
   * @returns what is on record, or why it is not all
   */
  settle(injected: readonly string[]): Promise<string>;
}

const settlesWithinMs = 1_000;

/**
 * Begins to record. Without an answer from the proxy the run goes on all the same: its counts do not depend on the log.
 * @throws {SQUALL_FILE} when the log cannot be written
 */
export async function recordFaults({ proxy, file, planned }: FaultRecordingOptions): Promise<FaultRecording> {
  const log = openFaultLog(file);
  const beganMs = systemClock.nowMs();
  /** By place: who is still to come there, in the order of their beginnings, and who is there now. */
  const coming = Map.groupBy(
    planned.toSorted((a, b) => (a.fault.atMs ?? 0) - (b.fault.atMs ?? 0)),
    ({ place }) => place,
  );
  const present = new Map<string, string>();
  const ended = new Set<string>();
  let lastId: number | undefined;
  let calls = 0;
  let missed = 0;
  const events = proxy.followEvents(record);
  // Why not is told when the run's evidence is collected.
  const isOpen = await events.opened.then(
    () => true,
    () => false,
  );

  return {
    async settle(injected) {
      const awaited = planned.filter(({ id, place }) => place !== undefined && injected.includes(id));
      const isWhole = (): boolean => awaited.every(({ id }) => ended.has(id));
      const what = "the ends of all faults are in the fault log";
      if (isOpen || lastId !== undefined) await waitAtMost({ what, withinMs: settlesWithinMs }, isWhole);
      const told = calls === 1 ? "1 affected call on record" : `${calls} affected calls on record`;
      const because = events.problem ?? (missed > 0 ? `${missed} events were missed` : "an end is missing");
      return isWhole() && missed === 0 ? told : `${told}, not all: ${because}`;
    },
    [Symbol.dispose]() {
      events[Symbol.dispose]();
      log.close();
    },
  };

  function record(event: ProxyEvent, id: number): void {
    const gap = lastId === undefined ? 0 : id - lastId - 1;
    lastId = id;
    if (event.at_ms < beganMs) return; // told again of what was before the run
    if (gap > 0) {
      missed += gap;
      log.append({ event: "events-missed", atMs: event.at_ms, count: gap });
    }
    const place = `${event.proxy}/${event.toxic}`;
    const next =
      event.event === "fault-began" || !present.has(place) ? coming.get(place)?.shift() : undefined;
    if (next !== undefined) present.set(place, next.id);
    const fault = present.get(place);
    log.append(lineOf(event, id, fault));
    if (event.event === "call-affected") calls += 1;
    if (event.event === "fault-ended" && fault !== undefined) ended.add(fault);
  }
}

function lineOf(event: ProxyEvent, id: number, fault: string | undefined): FaultLine {
  const { at_ms: atMs, proxy, toxic, type } = event;
  const told = { atMs, id, ...(fault === undefined ? {} : { fault }), proxy, toxic, type };
  switch (event.event) {
    case "fault-began":
      return { event: event.event, ...told };
    case "fault-ended":
      return { event: event.event, ...told, by: event.by };
    case "call-affected": {
      const { request, call, trace_id: traceId, effect } = event;
      return {
        event: event.event,
        ...told,
        request,
        call,
        ...(traceId === null ? {} : { traceId }),
        effect,
      };
    }
  }
}
