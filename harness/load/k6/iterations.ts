import { z } from "zod";
import { jsonIn } from "../../base/json.ts";
import type { HistoryLine, JourneyLine, OperationLine } from "../../record/history.ts";
import type { JourneyOutcome } from "../driver.ts";
import { isWorse, type Ending } from "../ending.ts";
import { endingOfK6Request } from "./k6-ending.ts";
import type { K6Point } from "./k6-point.ts";

/**
 * What k6 writes, as a history: an iteration of k6 is a journey, a request an operation.
 *
 *   http_req_duration, http_req_blocked ─→ operation, held until the next, since it may be told of
 *   squall_told                         ─→ told, of the operation that is held
 *   checks, squall_journey_error        ─→ how the journey ends
 *   iteration_duration                  ─→ journey
 *   dropped_iterations                  ─→ a count: k6 does not say which journeys they would have been
 *
 * k6 does not say when an iteration was meant to start, only when it did: that is what stands as `intendedMs`.
 */
export interface Iterations {
  add(point: K6Point): void;
  /** k6 is gone: what was under way ends as it is, at `atMs` (epoch milliseconds). */
  end(atMs: number): void;
  readonly started: number;
  readonly dropped: number;
  readonly underWay: number;
}

export interface IterationsOptions {
  /** The names under which iterations are recorded; any other counts as `whole`. */
  readonly journeys: ReadonlySet<string>;
  readonly whole: string;
  readonly onLine: (line: HistoryLine) => void;
  readonly onEnded: (outcome: JourneyOutcome) => void;
}

/** An iteration of which k6 has told something, and not yet that it is over. */
interface UnderWay {
  readonly arrival: number;
  journey: string;
  /** The first thing that is known of it. */
  readonly firstMs: number;
  sentMs: number | undefined;
  held: Held | undefined;
  operations: number;
  /** Of its worst operation. */
  ending: Ending;
  /** What the script itself found wrong first: a check, an error. */
  finding: Ending | undefined;
  /** Of its worst operation, or of its slowest. */
  shown: { readonly traceId: string; readonly durationMs: number; readonly ending: Ending } | undefined;
}

/** A request of which all may not have been told yet. */
interface Held {
  /** Its `http_req_duration`: from the send to the end. */
  readonly point: K6Point;
  /** How long it waited for its connection, before the send. */
  readonly blockedMs: number;
  readonly told?: OperationLine["told"];
}

const toldSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

export function createIterations({ journeys, whole, onLine, onEnded }: IterationsOptions): Iterations {
  const underWay = new Map<string, UnderWay>();
  let started = 0;
  let dropped = 0;

  const iterationOf = ({ tags, atMs }: K6Point, key: string): UnderWay => {
    const named = tags["journey"] ?? tags["scenario"] ?? whole;
    const journey = journeys.has(named) ? named : whole;
    const known = underWay.get(key);
    if (known !== undefined) {
      if (tags["journey"] !== undefined) known.journey = journey;
      return known;
    }
    const iteration: UnderWay = {
      arrival: started,
      journey,
      firstMs: atMs,
      sentMs: undefined,
      held: undefined,
      operations: 0,
      ending: { completion: "ok" },
      finding: undefined,
      shown: undefined,
    };
    started += 1;
    underWay.set(key, iteration);
    return iteration;
  };

  const release = (iteration: UnderWay): void => {
    if (iteration.held === undefined) return;
    const line = operationOf(iteration.held, iteration);
    const { completion, error, traceId, intendedMs, endedMs } = line;
    const ending: Ending = error === undefined ? { completion } : { completion, error };
    iteration.held = undefined;
    iteration.operations += 1;
    iteration.sentMs ??= line.sentMs;
    const durationMs = endedMs - intendedMs;
    const { shown } = iteration;
    const isSlower = completion === shown?.ending.completion && durationMs > shown.durationMs;
    if (traceId !== undefined && (shown === undefined || isWorse(ending, shown.ending) || isSlower))
      iteration.shown = { traceId, durationMs, ending };
    note(iteration, ending);
    onLine(line);
  };

  const finish = (key: string, iteration: UnderWay, startedMs: number, endedMs: number): void => {
    release(iteration);
    if (iteration.finding !== undefined) note(iteration, iteration.finding);
    underWay.delete(key);
    const { arrival, journey, operations, ending, sentMs, shown } = iteration;
    const line: JourneyLine = {
      kind: "journey",
      arrival,
      journey,
      intendedMs: startedMs,
      ...(sentMs === undefined ? {} : { sentMs }),
      endedMs,
      ...ending,
      ...(shown === undefined ? {} : { traceId: shown.traceId }),
      operations,
    };
    onLine(line);
    onEnded({ journey, arrival, completion: ending.completion, intendedMs: startedMs, endedMs });
  };

  return {
    get started() {
      return started;
    },
    get dropped() {
      return dropped;
    },
    get underWay() {
      return underWay.size;
    },
    add(point) {
      const { metric, value, atMs, tags, metadata } = point;
      if (metric === "dropped_iterations") {
        dropped += value;
        return;
      }
      const key = keyOf(point);
      if (key === undefined) return;
      const iteration = iterationOf(point, key);
      switch (metric) {
        case "http_req_duration":
          release(iteration);
          iteration.held = { point, blockedMs: 0 };
          break;
        case "http_req_blocked":
          if (iteration.held !== undefined) iteration.held = { ...iteration.held, blockedMs: value };
          break;
        case "squall_told":
          tell(iteration, metadata["told"]);
          break;
        case "checks":
          if (value === 0)
            iteration.finding ??= {
              completion: "fail",
              error: { kind: "check", message: tags["check"] ?? "" },
            };
          break;
        case "squall_journey_error":
          iteration.finding ??= failed(metadata["error"] ?? "");
          break;
        case "iteration_duration":
          // An iteration that threw before its first request looks like one that had nothing to do.
          if (iteration.operations === 0 && iteration.held === undefined)
            iteration.finding ??= failed("it made no request over HTTP");
          finish(key, iteration, atMs - value, atMs);
          break;
      }
    },
    end(atMs) {
      for (const [key, iteration] of underWay) {
        iteration.finding ??= {
          completion: "fail",
          error: { kind: "not-sent", message: "the load was over before its last step" },
        };
        finish(key, iteration, iteration.firstMs, Math.max(atMs, iteration.firstMs));
      }
    },
  };
}

/** Of a virtual user's iteration; undefined for what is part of none: setup(), teardown(), counts of users. */
function keyOf({ tags, metadata }: K6Point): string | undefined {
  const { vu, iter } = metadata;
  return vu === undefined || iter === undefined ? undefined : `${tags["scenario"]}/${vu}/${iter}`;
}

function operationOf({ point, blockedMs, told }: Held, { arrival, journey }: UnderWay): OperationLine {
  const { tags, metadata, atMs, value } = point;
  const method = tags["method"] ?? "";
  const route = routeOf(tags["name"] ?? tags["url"] ?? "");
  const traceId = metadata["trace_id"] ?? tags["trace_id"];
  const status = Number(tags["status"] ?? 0);
  const sentMs = atMs - value;
  // k6 says nothing of how long it waited in vain for a connection: both are 0 then.
  const wasSent = blockedMs > 0 || value > 0;
  return {
    kind: "operation",
    arrival,
    journey,
    step: tags["step"] ?? groupOf(tags["group"]) ?? `${method} ${route}`,
    method,
    route,
    intendedMs: sentMs - blockedMs,
    ...(wasSent ? { sentMs } : {}),
    endedMs: atMs,
    ...endingOfK6Request({
      status,
      isExpected: tags["expected_response"] !== "false",
      errorCode: tags["error_code"],
      error: tags["error"],
      wasSent,
    }),
    ...(status === 0 ? {} : { status }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(told === undefined ? {} : { told }),
  };
}

function tell(iteration: UnderWay, text: string | undefined): void {
  const told = toldSchema.safeParse(jsonIn(text ?? ""));
  if (!told.success || iteration.held === undefined) {
    const why = told.success
      ? "it was told something before its first request"
      : `what it was told is no mapping of plain values: ${text ?? "nothing"}`;
    iteration.finding ??= failed(why);
  } else iteration.held = { ...iteration.held, told: told.data };
}

function failed(message: string): Ending {
  return { completion: "fail", error: { kind: "journey-error", message } };
}

function note(iteration: UnderWay, next: Ending): void {
  if (isWorse(next, iteration.ending)) iteration.ending = next;
}

/** The innermost group: "::checkout::pay" -> "pay". */
function groupOf(group: string | undefined): string | undefined {
  return group?.split("::").at(-1) || undefined;
}

/** k6 names a request by its URL unless the script does: its path, then. */
function routeOf(name: string): string {
  return URL.canParse(name) ? new URL(name).pathname : name;
}
