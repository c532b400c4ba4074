import { formatRatio } from "../base/units.ts";
import type { HttpMatch } from "../experiment/call-match.ts";
import type { CallSelection } from "../experiment/call-selection.ts";
import type { CallFault } from "../experiment/fault.ts";
import type { FaultKind, FaultSite } from "./fault-kind.ts";
import type { ToxicSpec } from "./proxy-api.ts";

/** How calls of a protocol are spoken of, to people and to the proxy. */
interface CallWords<M> {
  /** "call" */
  readonly one: string;
  /** "POST /payments"; of every call when there is no match. */
  readonly describe: (match: M | undefined) => string;
  readonly toWire: (match: M) => unknown;
}

/** A kind of fault of HTTP calls. */
export const httpFault = callFault<HttpMatch, Extract<CallFault, { readonly kind: `http-${string}` }>>({
  one: "call",
  describe: (match) => (match === undefined ? "all calls" : describeMatch(match)),
  toWire(match) {
    const { headers, baggage, traceId } = match;
    if (headers === undefined && baggage === undefined && traceId === undefined) return routeOf(match);
    const { method, path } = match;
    return { method, path, headers, baggage, trace_id: traceId };
  },
});

/** A kind of fault of PostgreSQL statements. */
export const postgresFault = callFault<string, Extract<CallFault, { readonly kind: `pg-${string}` }>>({
  one: "statement",
  describe: (match) => (match === undefined ? "all statements" : `statements with "${match}"`),
  toWire: (match) => match,
});

function callFault<M, Any extends CallFault & { readonly calls: CallSelection<M> }>(words: CallWords<M>) {
  /**
   * @param describe what is done to the calls, which stand in its text
   * @param attributes what is done to them, as the proxy has it
   */
  return <F extends Any>(
    type: ToxicSpec["type"],
    describe: (fault: F, calls: string) => string,
    attributes: (fault: F) => ToxicSpec["attributes"],
  ): FaultKind<F> => ({
    describe(fault) {
      const conditions = conditionsOf(fault.calls, words);
      const what = describe(fault, words.describe(fault.calls.match));
      return conditions.length === 0 ? what : `${[what, ...conditions].join(", ")},`;
    },
    apply: (fault, { api, proxy, toxic, lease, placeOf }) =>
      api.addToxic(proxy, {
        name: toxic,
        type,
        ...("stream" in fault ? { stream: fault.stream } : {}),
        toxicity: 1,
        attributes: { ...selectionAttributes(fault.calls, words, placeOf), ...attributes(fault) },
        lease,
      }),
  });
}

/** What of its edge's calls a fault takes beyond the match: "the 2nd call", "in 10 % of calls". */
function conditionsOf<M>(selection: CallSelection<M>, { one, describe }: CallWords<M>): readonly string[] {
  const { nth, every, times, after, probabilityRatio } = selection;
  return [
    ...(nth === undefined ? [] : [`the ${ordinal(nth)} ${one}`]),
    ...(every === undefined ? [] : [every === 1 ? `every ${one}` : `every ${ordinal(every)} ${one}`]),
    ...(times === undefined ? [] : [times === 1 ? "at most once" : `at most ${times} times`]),
    ...(probabilityRatio < 1 ? [`in ${formatRatio(probabilityRatio)} of ${one}s`] : []),
    ...(after === undefined
      ? []
      : [typeof after === "string" ? `once "${after}" was felt` : `after ${describe(after.match)}`]),
  ];
}

function selectionAttributes<M>(
  { match, nth, every, times, after, probabilityRatio }: CallSelection<M>,
  { toWire }: CallWords<M>,
  placeOf: FaultSite["placeOf"],
): ToxicSpec["attributes"] {
  return {
    match: match === undefined ? undefined : toWire(match),
    nth,
    every,
    times,
    after:
      after === undefined
        ? undefined
        : typeof after === "string"
          ? placeOf(after)
          : { match: toWire(after.match) },
    probability: probabilityRatio,
  };
}

function routeOf({ method, path }: HttpMatch): string {
  return [method, path].filter((part) => part !== undefined).join(" ");
}

/** `POST /payments with header x-shard: 2, baggage tenant=acme` */
function describeMatch(match: HttpMatch): string {
  const { headers = {}, baggage = {}, traceId } = match;
  const conditions = [
    ...Object.entries(headers).map(([name, value]) => `header ${name}: ${value}`),
    ...Object.entries(baggage).map(([key, value]) => `baggage ${key}=${value}`),
    ...(traceId === undefined ? [] : [`trace ${traceId}`]),
  ];
  const route = routeOf(match) || "calls";
  return conditions.length === 0 ? route : `${route} with ${conditions.join(" and ")}`;
}

/** 2 -> "2nd" */
function ordinal(number: number): string {
  const tens = number % 100;
  const suffix = tens >= 11 && tens <= 13 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[number % 10] ?? "th");
  return `${number}${suffix}`;
}
