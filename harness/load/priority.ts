import { readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { systemErrorCode } from "../base/errors.ts";

/**
 * Puts this process ahead of others on a busy machine, as far as it may: an ordinary user may not, and goes on as is.
 *
 * On Linux a nice value counts only within a session where the kernel groups processes by session (autogroup, the usual
 * setting), so a process that has a session of its own puts that ahead as well. A session that it shares is left alone:
 * all that runs in it, a whole terminal, would go ahead of the kernel's own threads, for good, and once it used up the
 * processors the network would stand still.
 */
export function raisePriority(): void {
  allowed(() => setPriority(constants.priority.PRIORITY_HIGHEST));
  if (!leadsSession()) return;
  allowed(() =>
    writeFileSync("/proc/self/autogroup", String(constants.priority.PRIORITY_HIGHEST), { flag: "r+" }),
  );
}

/** False also where there is no telling. */
function leadsSession(): boolean {
  let stat = "";
  allowed(() => (stat = readFileSync("/proc/self/stat", "utf8")));
  // After the name, which may hold anything: state, parent, process group, session. Source: proc_pid_stat(5).
  const [, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return session === String(process.pid);
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
