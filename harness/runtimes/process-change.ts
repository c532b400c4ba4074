import { SquallError } from "../base/errors.ts";
import { changeNameSchema, type ChangeName } from "../record/change-name.ts";
import type { ProcessEvidence } from "../record/journal.ts";
import type { Target } from "../target/target.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Changes of a process (a service or a store of a fleet) that a runtime can make and take back. What not every runtime can do
 * is a capability of its own; `kill` in a runtime says that it can kill.
 *
 *   before ─→ (on record) ─→ make ─→ … ─→ takeBack       by anyone who has the record, also when whoever made it is dead
 */

/** JSON, meant for the runtime that made it alone. */
export type ChangeRecord = Readonly<Record<string, unknown>>;

/** @typeParam A what of it can be chosen */
export interface ProcessChange<A> {
  /** What is really done, for titles: "SIGKILL", "the freezer of its cgroup". */
  readonly how: string;
  /** The same, where it depends on what is wanted. */
  howFor?(wanted: A): string;
  /**
   * What taking it back will need; asked, and written down, before the change is made. It touches nothing.
   * @throws {SQUALL_NO_FLEET} when there is no process of that name
   * @throws {SQUALL_UNSUPPORTED} when this process, as it was started, cannot be changed so
   */
  before(target: Target, process: string, wanted: A): Promise<ChangeRecord>;
  /** Resolves when it is in effect. @throws {SQUALL_NO_FLEET} @throws {SQUALL_UNSUPPORTED} */
  make(target: Target, process: string, wanted: A, signal: AbortSignal): Promise<void>;
  /**
   * What shows that it touched the process, asked while it is in effect. Absent where being in effect is evidence enough: a
   * process that is gone answers nobody.
   */
  evidence?(target: Target, process: string, before: ChangeRecord): Promise<ChangeEvidence>;
  /**
   * Resolves when the process is as it was: it runs, is ready, and has what it had. Idempotent; also right after a `make`
   * that was cut off anywhere, or never began.
   * @throws {SQUALL_NO_FLEET} when the fleet, or the process, is gone for good
   * @throws {SQUALL_FLEET_START} when it does not become ready
   */
  takeBack(target: Target, process: string, before: ChangeRecord, signal: AbortSignal): Promise<void>;
}

/**
 * `bit`: whether the process has felt it; a limit that it never came near did not bite. `detail`: "order was throttled in 183
 * of 200 periods", "order was ended twice by the kernel for want of memory".
 */
export type ChangeEvidence = ProcessEvidence;

/** Nothing of it can be chosen. */
export type Nothing = Readonly<Record<string, never>>;

/** What can be chosen of each change, and what the change is. */
export interface Wanted {
  /** Ends a process as a crash would (SIGKILL), with all that it started. */
  readonly kill: Nothing;
  /** Ends a process in order (SIGTERM), by force after a while. */
  readonly stop: { readonly withinMs: number };
  /** Holds a process still (SIGSTOP, or the freezer of its cgroup): its connections stay open and nothing is answered. */
  readonly pause: Nothing;
  /** Leaves a process this many processors: 0.2 is a fifth of one. */
  readonly limitCpu: { readonly processors: number };
  /** Leaves a process this much memory; whoever takes more is killed by the kernel. */
  readonly limitMemory: { readonly bytes: number };
  /** Takes a process off its networks, or keeps it and one peer from each other: what is sent is lost, no connection ends. */
  readonly partition: { readonly from?: string | undefined };
  /** Fills the bounded volume of a process until only this is left; which one, where it has several. */
  readonly fillDisk: { readonly leaveBytes: number; readonly path?: string | undefined };
  /** Lets the name of a callee lead nowhere, or be told late. */
  readonly breakName: { readonly name: string; readonly delayMs?: number | undefined };
  /** Has a process see another time: this far ahead (behind, where it is negative). */
  readonly skewClock: { readonly offsetMs: number };
}

/** A change, and what is wanted of it. */
export type ChangeRequest<C extends ChangeName = ChangeName> = {
  readonly [K in C]: { readonly change: K; readonly wanted: Wanted[K] };
}[C];

/** Every capability to change processes, by the name of the change. */
export type ProcessChanges = { readonly [C in ChangeName]: ProcessChange<Wanted[C]> };

export type CanKill = Pick<ProcessChanges, "kill">;
export type CanRestart = Pick<ProcessChanges, "stop">;
export type CanPause = Pick<ProcessChanges, "pause">;
export type CanLimitCpu = Pick<ProcessChanges, "limitCpu">;
export type CanLimitMemory = Pick<ProcessChanges, "limitMemory">;
export type CanPartition = Pick<ProcessChanges, "partition">;
export type CanFillDisk = Pick<ProcessChanges, "fillDisk">;
export type CanBreakNames = Pick<ProcessChanges, "breakName">;
export type CanSkewClock = Pick<ProcessChanges, "skewClock">;

/** What no runtime can do yet, and where it is said why. */
const hints: Partial<Readonly<Record<ChangeName, string>>> = {
  skewClock:
    "processes and containers share the machine's clock, and the kernel has no other wall clock for one of them: docs/process-faults.md#clock-skew",
};

/** In words, after "can" and "cannot". */
const deeds: Readonly<Record<ChangeName, string>> = {
  kill: "kill",
  stop: "stop",
  pause: "pause",
  limitCpu: "limit processors",
  limitMemory: "limit memory",
  partition: "partition",
  fillDisk: "fill a disk",
  breakName: "break names",
  skewClock: "skew a clock",
};

export function canChange<C extends ChangeName>(
  runtime: Runtime,
  change: C,
): runtime is Runtime & Pick<ProcessChanges, C> {
  return change in runtime;
}

/**
 * A capability of a runtime.
 * @param what it is needed for: "disk-full on order-db"
 * @throws {SQUALL_UNSUPPORTED} saying what the runtime can do instead
 */
export function changeOf<C extends ChangeName>(
  runtime: Runtime,
  change: C,
  what?: string,
): ProcessChanges[C] {
  if (canChange(runtime, change)) {
    const able: Pick<ProcessChanges, C> = runtime;
    return able[change];
  }
  const needed = what === undefined ? "" : ` (${what})`;
  throw new SquallError(
    "SQUALL_UNSUPPORTED",
    `the ${runtime.name} runtime cannot ${deeds[change]}${needed}; ${abilitiesOf(runtime)}`,
    hints[change] === undefined ? {} : { hint: hints[change] },
  );
}

/** "it can kill, stop, pause" */
export function abilitiesOf(runtime: Runtime): string {
  const known = changeNameSchema.options.filter((name) => canChange(runtime, name));
  return known.length === 0
    ? "it changes no process at all"
    : `it can ${known.map((name) => deeds[name]).join(", ")}`;
}
