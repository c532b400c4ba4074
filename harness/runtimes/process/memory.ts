import { readProc } from "../process-identity.ts";

/**
 * Proportional set size of processes and of all that they started: memory that is shared counts once in all.
 * @returns bytes; `undefined` where the system does not tell
 */
export function proportionalSetSizeBytes(pids: readonly number[]): number | undefined {
  if (process.platform !== "linux") return undefined;
  let totalBytes = 0;
  for (const pid of withDescendants(pids)) {
    const rollup = readProc(pid, "smaps_rollup");
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(rollup ?? "")?.[1];
    totalBytes += Number(kilobytes ?? 0) * 1_024;
  }
  return totalBytes;
}

/** These processes and all that they started and that still belongs to them; where there is no `/proc`, these alone. */
export function withDescendants(pids: readonly number[]): ReadonlySet<number> {
  const seen = new Set(pids);
  // A set iterates over what is added while it is being iterated over.
  for (const pid of seen)
    for (const child of readProc(pid, `task/${pid}/children`)?.trim().split(" ") ?? [])
      if (child !== "") seen.add(Number(child));
  return seen;
}
