import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { systemErrorCode } from "../base/errors.ts";

/**
 * Puts this process ahead of others on a busy machine, as far as it may: an ordinary user may not, and goes on as is.
 *
 * On Linux a nice value counts only within a session where the kernel groups processes by session (autogroup, the usual
 * setting), and the driver has a session of its own: there it is the session that has to be put ahead.
 */
export function raisePriority(): void {
  allowed(() => setPriority(constants.priority.PRIORITY_HIGHEST));
  allowed(() =>
    writeFileSync("/proc/self/autogroup", String(constants.priority.PRIORITY_HIGHEST), { flag: "r+" }),
  );
}

/** Forbidden, no such file, or asked too often: the priority stays as it is. */
const refusals = new Set(["EACCES", "EPERM", "ENOENT", "EAGAIN"]);

function allowed(raise: () => void): void {
  try {
    raise();
  } catch (error) {
    if (!refusals.has(refusalOf(error) ?? "")) throw error;
  }
}

/** Node wraps what the system says of a priority: `{code: "ERR_SYSTEM_ERROR", info: {code: "EACCES"}}`. */
function refusalOf(error: unknown): string | undefined {
  const { info } = error as { readonly info?: unknown };
  return systemErrorCode(info ?? error);
}
