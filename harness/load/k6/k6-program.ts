import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SquallError, messageOf } from "../../base/errors.ts";

/** A k6 that is there and new enough. */
export interface K6Program {
  /** Its path, or its name on the PATH. */
  readonly program: string;
  /** "v1.8.1" */
  readonly version: string;
}

/** From 1.0 on, k6 runs TypeScript as it is. */
const oldestMajor = 1;
const answersWithinMs = 10_000;
const hint =
  "k6 is at https://grafana.com/docs/k6/latest/set-up/install-k6/, or by: go install go.k6.io/k6@v1.8.1; " +
  "SQUALL_K6 names it where it is not on the PATH";

/**
 * Finds k6.
 * @param named the program, where the user names one; @default k6 of the PATH
 * @throws {SQUALL_PREFLIGHT} when it is not there, or too old
 */
export async function findK6(named = "k6"): Promise<K6Program> {
  let said: string;
  try {
    const { stdout } = await promisify(execFile)(named, ["version"], { timeout: answersWithinMs });
    said = stdout.trim();
  } catch (error) {
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `the load is k6's, and "${named}" cannot be run: ${messageOf(error)}`,
      {
        hint,
        cause: error,
      },
    );
  }
  const [, version, major] = /^k6(?:\.exe)? (v(\d+)\.\S+)/.exec(said) ?? [];
  if (version === undefined || Number(major) < oldestMajor)
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `the load is k6's, expected k6 v${oldestMajor} or later, got "${said}"`,
      { hint },
    );
  return { program: named, version };
}
