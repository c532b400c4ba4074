import { startGrainMs, type Call } from "./call.ts";
import { callsByParent } from "./n-plus-one.ts";
import { operationOf, type PreparedTrace } from "./prepared-trace.ts";

/**
 * Calls of one parent, one after the other, that could be made at once *if they do not need each other's answers*: spans
 * do not tell what is done with an answer, so this is a question to whoever wrote the code and no finding.
 */
export interface SequentialCalls {
  /** Who calls: "gateway GET /api/products/:id". */
  readonly operation: string;
  /** In the order in which they are called first. */
  readonly edges: readonly string[];
  readonly parents: number;
  readonly traces: number;
  /** On the mean: what they take one after the other, and what the longest takes alone. */
  readonly sequentialMs: number;
  readonly parallelMs: number;
  /** Where most could be saved. */
  readonly traceId: string;
}

/** What saves less is not worth the question. */
const leastSavedMs = 1;

/** The most that could be saved in all first. */
export function sequentialCalls(prepared: Iterable<PreparedTrace>): readonly SequentialCalls[] {
  type Growing = { -readonly [Key in keyof SequentialCalls]: SequentialCalls[Key] } & { mostSavedMs: number };
  const found = new Map<string, Growing>();
  for (const { trace, calls } of prepared) {
    const ofTrace = new Set<string>();
    for (const [parent, siblings] of callsByParent(calls))
      for (const run of runsOf(siblings)) {
        const lanes = lanesOf(run);
        const edges = [...lanes.keys()];
        const sequentialMs = sum(lanes.values());
        const parallelMs = Math.max(...lanes.values());
        const savedMs = sequentialMs - parallelMs;
        if (edges.length < 2 || savedMs < leastSavedMs) continue;
        const operation = operationOf(parent.span);
        const key = [operation, ...edges].join("\n");
        let one = found.get(key);
        if (one === undefined) {
          one = {
            operation,
            edges,
            parents: 0,
            traces: 0,
            sequentialMs: 0,
            parallelMs: 0,
            traceId: trace.traceId,
            mostSavedMs: 0,
          };
          found.set(key, one);
        }
        one.parents += 1;
        one.sequentialMs += (sequentialMs - one.sequentialMs) / one.parents;
        one.parallelMs += (parallelMs - one.parallelMs) / one.parents;
        if (!ofTrace.has(key)) one.traces += 1;
        ofTrace.add(key);
        if (savedMs <= one.mostSavedMs) continue;
        one.mostSavedMs = savedMs;
        one.traceId = trace.traceId;
      }
  }
  const savedInAll = (one: Growing): number => one.parents * (one.sequentialMs - one.parallelMs);
  return [...found.values()]
    .sort((a, b) => savedInAll(b) - savedInAll(a))
    .map(({ mostSavedMs: _mostSavedMs, ...one }) => one);
}

/**
 * Calls of which each starts after all before it have ended. One that overlaps the run ends it, and so does one that
 * failed: what comes after may come because of that.
 */
function runsOf(siblings: readonly Call[]): readonly (readonly Call[])[] {
  const runs: Call[][] = [];
  let run: Call[] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const call of siblings) {
    const { span } = call.node;
    const overlaps = span.startMs < endMs - startGrainMs;
    // The last of the run is then at work at the same time as this one.
    if (overlaps) run.pop();
    if (overlaps || call.isFailed) {
      runs.push(run);
      run = [];
    } else run.push(call);
    endMs = Math.max(endMs, span.endMs);
  }
  runs.push(run);
  return runs;
}

/**
 * What each callee takes. Calls into one callee stay one after the other: of a store they may be one transaction, of a
 * service the same thing asked for several items, which is n-plus-one's.
 */
function lanesOf(run: readonly Call[]): ReadonlyMap<string, number> {
  const lanes = new Map<string, number>();
  for (const { edge, node } of run)
    lanes.set(edge, (lanes.get(edge) ?? 0) + Math.max(0, node.span.endMs - node.span.startMs));
  return lanes;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
