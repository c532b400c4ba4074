import type { K6Outcome } from "../../record/k6-outcome.ts";
import { startDriverProcess } from "../driver-process.ts";
import type { JourneyProgress, LoadDriver } from "../driver.ts";
import type { K6Program } from "./k6-program.ts";

/**
 * k6 as the load: a process of ours runs k6, reads what it measures as it comes, and writes the history.
 *
 *   K6Plan ─startK6→ our process ─spawns→ k6 ─┬ JSON points (stdout) ─→ history.jsonl, JourneyProgress
 *                                             ├ log (stderr) ──────────→ k6.jsonl
 *                                             └ summary at its end ────→ K6Outcome
 */

/** Everything our process needs; plain data, sent to it as JSON. */
export interface K6Plan extends K6Program {
  /** Absolute path. */
  readonly script: string;
  /** What the script finds in `__ENV`, beside the environment of Squall. */
  readonly variables: Readonly<Record<string, string>>;
  /** How long the script shall last, milliseconds. */
  readonly durationMs: number;
  /** The names under which its iterations are recorded; any other counts as `whole`. */
  readonly journeys: readonly string[];
  readonly whole: string;
  readonly historyFile: string;
  /** What k6 logs, and `console` in the script. */
  readonly logFile: string;
  /** k6's summary, written by k6 when it ends. */
  readonly summaryFile: string;
}

export interface K6Result {
  /** Iterations that k6 started, and with those that it dropped. */
  readonly started: number;
  readonly intended: number;
  readonly k6: K6Outcome;
}

/**
 * Starts k6 on a plan; resolves when its script is loaded, its virtual users are there and it waits for `begin`.
 * @param onProgress told four times a second
 * @param signal ends it, at any time
 * @throws {SQUALL_PREFLIGHT} when k6 refuses the script
 */
export function startK6(
  plan: K6Plan,
  onProgress: (progress: JourneyProgress) => void,
  signal?: AbortSignal,
): Promise<LoadDriver<K6Result>> {
  return startDriverProcess(new URL("k6-main.ts", import.meta.url), plan, onProgress, { signal });
}
