import type { Span } from "../record/span.ts";
import type { Trace } from "./trace.ts";

/**
 * Whether a trace is all there. A span tells of its parent and of nothing else, so this is what can be known: a parent
 * that is named and missing. A span without children of its own can be lost without a sign, unless its service says
 * that it has not sent everything; hence `unflushed`.
 */
export type Completeness =
  | { readonly kind: "complete" }
  | { readonly kind: "incomplete"; readonly reasons: readonly IncompleteReason[] };

/**
 * `no-root`: what began it is not here · `parents-missing`: so many spans beside the root name a parent that is not
 * here · `several-roots`: it has so many beginnings · `circles`: so many circles of parents · `unflushed`: these of its
 * services may have spans of it that were not sent.
 */
export type IncompleteReason =
  | { readonly kind: "no-root" }
  | { readonly kind: "parents-missing"; readonly spans: number }
  | { readonly kind: "several-roots"; readonly roots: number }
  | { readonly kind: "circles"; readonly circles: number }
  | { readonly kind: "unflushed"; readonly services: readonly string[] };

export interface CompletenessOptions {
  /** The service that clients call; without it any server span may be a root with a parent of the client's. */
  readonly entry?: string | undefined;
  /** Services that have not said that they sent all they had. @default none */
  readonly unflushed?: ReadonlySet<string>;
}

type Tree = Pick<Trace, "spans" | "roots" | "circles">;

export function completenessOf(
  { spans, roots, circles }: Tree,
  { entry, unflushed = new Set() }: CompletenessOptions = {},
): Completeness {
  const uncut = circles === 0 ? roots : withoutCut(roots, spans);
  const beginnings = uncut.filter((root) => mayBeRoot(root, entry));
  const orphans = uncut.length - beginnings.length;
  const late =
    unflushed.size === 0
      ? []
      : [...new Set(spans.map(({ service }) => service))].filter((service) => unflushed.has(service)).sort();
  const reasons: IncompleteReason[] = [
    ...(beginnings.length === 0 ? [{ kind: "no-root" } as const] : []),
    ...(orphans > 0 ? [{ kind: "parents-missing", spans: orphans } as const] : []),
    ...(beginnings.length > 1 ? [{ kind: "several-roots", roots: beginnings.length } as const] : []),
    ...(circles > 0 ? [{ kind: "circles", circles } as const] : []),
    ...(late.length > 0 ? [{ kind: "unflushed", services: late } as const] : []),
  ];
  return reasons.length === 0 ? { kind: "complete" } : { kind: "incomplete", reasons };
}

/** Without the roots that are ones only because a circle was cut there: their parent is here. */
function withoutCut(roots: readonly Span[], spans: readonly Span[]): readonly Span[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return roots.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
}

/** The same as a yes or no, when every service has sent all it had. */
export function isComplete({ roots, circles }: Tree, entry?: string): boolean {
  return circles === 0 && roots.length === 1 && roots.every((root) => mayBeRoot(root, entry));
}

/** Whether a trace may begin with this span: it names no parent, or one of the client's own. */
function mayBeRoot(span: Span, entry: string | undefined): boolean {
  if (span.parentSpanId === undefined) return true;
  return span.kind === "server" && (entry === undefined || span.service === entry);
}

export interface CompletenessCount {
  readonly traces: number;
  readonly incomplete: number;
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
  const byReason = { "no-root": 0, "parents-missing": 0, "several-roots": 0, circles: 0, unflushed: 0 };
  const examples: string[] = [];
  let count = 0;
  let incomplete = 0;
  let duplicates = 0;
  for (const trace of traces) {
    count += 1;
    duplicates += trace.duplicates;
    const completeness = completenessOf(trace, options);
    if (completeness.kind === "complete") continue;
    incomplete += 1;
    for (const { kind } of completeness.reasons) byReason[kind] += 1;
    if (examples.length < mostExamples) examples.push(trace.traceId);
  }
  return { traces: count, incomplete, byReason, duplicates, examples };
}
