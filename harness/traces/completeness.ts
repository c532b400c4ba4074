import type { Span } from "../record/span.ts";
import { edgeOf, type EdgeByPort } from "./edges.ts";
import type { Trace } from "./trace.ts";

/**
 * Whether a trace is all there. A span tells of its parent and of nothing else, so this is what can be known: a parent
 * that is named and missing. A span without children of its own can be lost without a sign, unless it is known when its
 * service may not have sent everything; hence {@link UnsentSpans}.
 */
export type Completeness =
  | { readonly kind: "complete" }
  | { readonly kind: "incomplete"; readonly reasons: readonly IncompleteReason[] };

/**
 * `no-root`: what began it is not here · `parents-missing`: so many spans beside the root name a parent that is not
 * here · `several-roots`: it has so many beginnings · `circles`: so many circles of parents · `unflushed`: these of its
 * services were still sending when the collection ended · `killed`: these were killed with spans of it that they may not
 * have sent.
 */
export type IncompleteReason =
  | { readonly kind: "no-root" }
  | { readonly kind: "parents-missing"; readonly spans: number }
  | { readonly kind: "several-roots"; readonly roots: number }
  | { readonly kind: "circles"; readonly circles: number }
  | { readonly kind: UnsentSpans["why"]; readonly services: readonly string[] };

/** A time of which a service may have spans, under way or ended, that it never sent. */
export interface UnsentSpans {
  readonly service: string;
  readonly why: "unflushed" | "killed";
  /** Whom it calls: a span of theirs whose parent is missing may have been asked for by it. @default nobody is known */
  readonly callees?: ReadonlySet<string>;
  /** Epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CompletenessOptions {
  /** The service that clients call; without it any server span may be a root with a parent of the client's. */
  readonly entry?: string | undefined;
  /** @default none: every service has sent all it had */
  readonly unsent?: readonly UnsentSpans[] | undefined;
  /** By which a call of a service is known whose own span never came. @default none is known */
  readonly ports?: EdgeByPort | undefined;
}

type Tree = Pick<Trace, "spans" | "roots" | "circles">;

export function completenessOf(
  { spans, roots, circles }: Tree,
  { entry, unsent = [], ports = new Map() }: CompletenessOptions = {},
): Completeness {
  const uncut = circles === 0 ? roots : withoutCut(roots, spans);
  const beginnings = uncut.filter((root) => mayBeRoot(root, entry));
  const orphans = uncut.length - beginnings.length;
  const torn = uncut.filter((root) => root.parentSpanId !== undefined && !mayBeRoot(root, entry));
  const touched = unsent.filter(
    (one) => spans.some((span) => isTouched(span, one, ports)) || torn.some((span) => isAskedBy(span, one)),
  );
  const servicesOf = (why: UnsentSpans["why"]): readonly string[] =>
    [...new Set(touched.filter((one) => one.why === why).map(({ service }) => service))].sort();
  const [unflushed, killed] = [servicesOf("unflushed"), servicesOf("killed")];
  const reasons: IncompleteReason[] = [
    ...(beginnings.length === 0 ? [{ kind: "no-root" } as const] : []),
    ...(orphans > 0 ? [{ kind: "parents-missing", spans: orphans } as const] : []),
    ...(beginnings.length > 1 ? [{ kind: "several-roots", roots: beginnings.length } as const] : []),
    ...(circles > 0 ? [{ kind: "circles", circles } as const] : []),
    ...(unflushed.length > 0 ? [{ kind: "unflushed", services: unflushed } as const] : []),
    ...(killed.length > 0 ? [{ kind: "killed", services: killed } as const] : []),
  ];
  return reasons.length === 0 ? { kind: "complete" } : { kind: "incomplete", reasons };
}

/** Whether a span is of that service at that time, or a call of it: what was under way there may be lost whole. */
function isTouched(span: Span, { service, fromMs, toMs }: UnsentSpans, ports: EdgeByPort): boolean {
  if (!isDuring(span, fromMs, toMs)) return false;
  return span.service === service || edgeOf(span, ports)?.endsWith(` -> ${service}`) === true;
}

/** Whether a span without its parent is of one whom the service calls. */
function isAskedBy(span: Span, { callees, fromMs, toMs }: UnsentSpans): boolean {
  // Whoever asked ends its own span a little later than the one that was asked.
  return callees?.has(span.service) === true && isDuring(span, fromMs - answeredWithinMs, toMs);
}

const answeredWithinMs = 1_000;

function isDuring({ startMs, endMs }: Span, fromMs: number, toMs: number): boolean {
  return startMs < toMs && endMs > fromMs;
}

/** Without the roots that are ones only because a circle was cut there: their parent is here. */
function withoutCut(roots: readonly Span[], spans: readonly Span[]): readonly Span[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return roots.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
}

/** The same as a yes or no, where every service has sent all it had. */
export function isComplete({ roots, circles }: Tree, entry?: string): boolean {
  return circles === 0 && roots.length === 1 && roots.every((root) => mayBeRoot(root, entry));
}

/** Whether a trace may begin with this span: it names no parent, or one of the client's own. */
function mayBeRoot(span: Span, entry: string | undefined): boolean {
  if (span.parentSpanId === undefined) return true;
  return span.kind === "server" && (entry === undefined || span.service === entry);
}

/** Why it is incomplete, in words: "its root and the parents of 3 spans never arrived". */
export function whyIncomplete(reasons: readonly IncompleteReason[]): string {
  return reasons.map(reasonText).join("; ");
}

function reasonText(reason: IncompleteReason): string {
  switch (reason.kind) {
    case "no-root":
      return "its root never arrived";
    case "parents-missing":
      return `${reason.spans === 1 ? "the parent of 1 span" : `the parents of ${reason.spans} spans`} never arrived`;
    case "several-roots":
      return `it has ${reason.roots} beginnings`;
    case "circles":
      return "its parents go in a circle";
    case "unflushed":
      return `${reason.services.join(" and ")} had not sent all of it when the run ended`;
    case "killed":
      return `what ${reason.services.join(" and ")} had not sent of it when killed is lost`;
  }
}

export interface CompletenessCount {
  readonly traces: number;
  readonly incomplete: number;
  /** Incomplete ones that met a service as it was killed: that lost spans is the fault's own doing. */
  readonly excused: number;
  /** How many traces lack something, by what; one may lack several things. */
  readonly byReason: Readonly<Record<IncompleteReason["kind"], number>>;
  /** Spans that came more than once. */
  readonly duplicates: number;
  /** The first few that are incomplete. */
  readonly examples: readonly string[];
}

const mostExamples = 5;

export function countCompleteness(
  traces: Iterable<Trace>,
  options: CompletenessOptions = {},
): CompletenessCount {
  const byReason = {
    "no-root": 0,
    "parents-missing": 0,
    "several-roots": 0,
    circles: 0,
    unflushed: 0,
    killed: 0,
  };
  const examples: string[] = [];
  let count = 0;
  let incomplete = 0;
  let excused = 0;
  let duplicates = 0;
  for (const trace of traces) {
    count += 1;
    duplicates += trace.duplicates;
    const completeness = completenessOf(trace, options);
    if (completeness.kind === "complete") continue;
    incomplete += 1;
    if (completeness.reasons.some(({ kind }) => kind === "killed")) excused += 1;
    for (const { kind } of completeness.reasons) byReason[kind] += 1;
    if (examples.length < mostExamples) examples.push(trace.traceId);
  }
  return { traces: count, incomplete, excused, byReason, duplicates, examples };
}
