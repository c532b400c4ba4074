import type { Target } from "../target/target.ts";

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
  /**
   * What taking it back will need; asked, and written down, before the change is made.
   * @throws {SQUALL_NO_FLEET} when there is no process of that name
   * @throws {SQUALL_UNSUPPORTED} when this process, as it was started, cannot be changed so
   */
  before(target: Target, process: string, wanted: A): Promise<ChangeRecord>;
  /** Resolves when it is in effect. @throws {SQUALL_NO_FLEET} @throws {SQUALL_UNSUPPORTED} */
  make(target: Target, process: string, wanted: A, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the process is as it was: it runs, is ready, and has what it had. Idempotent; also right after a `make`
   * that was cut off anywhere, or never began.
   * @throws {SQUALL_NO_FLEET} when the fleet, or the process, is gone for good
   * @throws {SQUALL_FLEET_START} when it does not become ready
   */
  takeBack(target: Target, process: string, before: ChangeRecord, signal: AbortSignal): Promise<void>;
}

/** Nothing of it can be chosen. */
export type Nothing = Readonly<Record<string, never>>;

/** Ends a process as a crash would (SIGKILL), with all that it started. */
export interface CanKill {
  readonly kill: ProcessChange<Nothing>;
}

/** Ends a process in order (SIGTERM), by force after a while. */
export interface CanRestart {
  readonly stop: ProcessChange<{ readonly withinMs: number }>;
}

/** Holds a process still (SIGSTOP, or the freezer of its cgroup): its connections stay open and nothing is answered. */
export interface CanPause {
  readonly pause: ProcessChange<Nothing>;
}

/** Leaves a process this many processors: 0.2 is a fifth of one. */
export interface CanLimitCpu {
  readonly limitCpu: ProcessChange<{ readonly processors: number }>;
}

/** Leaves a process this much memory; whoever takes more is killed by the kernel. */
export interface CanLimitMemory {
  readonly limitMemory: ProcessChange<{ readonly bytes: number }>;
}

/** Takes a process off its networks, or keeps it and one peer from each other: what is sent is lost, no connection ends. */
export interface CanPartition {
  readonly partition: ProcessChange<{ readonly from?: string }>;
}

/** Fills the bounded volume of a process until only this is left. */
export interface CanFillDisk {
  readonly fillDisk: ProcessChange<{ readonly leaveBytes: number }>;
}

/** Lets the name of a callee lead nowhere, or be told late. */
export interface CanBreakNames {
  readonly breakName: ProcessChange<{ readonly name: string; readonly delayMs?: number }>;
}

/** Has a process see another time: this far ahead (behind, where it is negative). */
export interface CanSkewClock {
  readonly skewClock: ProcessChange<{ readonly offsetMs: number }>;
}

/** Every capability to change processes, by the name of the change. */
export type ProcessChanges = CanKill &
  CanRestart &
  CanPause &
  CanLimitCpu &
  CanLimitMemory &
  CanPartition &
  CanFillDisk &
  CanBreakNames &
  CanSkewClock;

export type ChangeName = keyof ProcessChanges;
