import { doOrAbandon } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ProcessFault } from "../experiment/fault.ts";
import { participles } from "../experiment/process-fault.ts";
import { askedOf, paceOf } from "../faults/process-fault.ts";
import type { ProcessEvidence } from "../record/journal.ts";
import {
  changeOf,
  type ChangeRecord,
  type ChangeRequest,
  type ProcessChange,
} from "../runtimes/process-change.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import type { Injection } from "./injection.ts";
import { takenBackWithinMs, type Processes } from "./processes.ts";
import { takeBack } from "./take-back.ts";

/** A runtime that does not tell in time what a fault did is not waited for: the process is. */
const evidenceWithinMs = 2_000;

interface ProcessInjectionOptions extends Processes {
  readonly fault: ProcessFault;
  readonly clock: Clock;
  /** Told of each time that a fault comes again. @param times how often it has come by then */
  readonly onRepeat: (times: number) => void;
  /** Resolves when nobody else changes the process. */
  readonly idle: () => Promise<void>;
}

const never = new AbortController().signal;

/** Asks the runtime what taking a fault back will need. @throws {SQUALL_NO_FLEET} @throws {SQUALL_UNSUPPORTED} */
export async function processInjection(options: ProcessInjectionOptions): Promise<Injection> {
  const { fault, target, runtime, clock, onRepeat, idle } = options;
  const { process } = fault;
  const request = askedOf(fault);
  const change = bind(runtime, request);
  const pace = paceOf(fault);
  const before = await change.before(target, process);
  const ending = new AbortController();
  let repeating: Promise<string> | undefined;
  let evidence: ProcessEvidence | undefined;

  const undo = { kind: "process-change", change: request.change, process, before: { ...before } } as const;

  return {
    undo,
    undoWithinMs: takenBackWithinMs,
    isMomentary: pace.kind === "at-once",
    async begin(over) {
      const signal = AbortSignal.any([over, ending.signal]);
      await change.make(target, process, signal);
      evidence = { bit: true, detail: `${process} was ${participles[fault.kind]}` };
      if (pace.kind === "again") repeating = repeat(pace.everyMs, signal);
      return change.how;
    },
    async end(signal) {
      ending.abort();
      const repeated = await repeating;
      await idle();
      if (repeated !== undefined) evidence = { bit: true, detail: repeated };
      else if (evidence !== undefined) evidence = (await shown(before)) ?? evidence;
      await takeBack(undo, { runtime, target }, signal);
      return evidence === undefined ? {} : { evidence };
    },
  };

  /** What the runtime can show; `undefined` where being in effect is evidence enough. */
  async function shown(before: ChangeRecord): Promise<ProcessEvidence | undefined> {
    try {
      const asked = async (): Promise<ProcessEvidence | undefined> =>
        change.evidence(target, process, before);
      return await doOrAbandon(asked, { halt: never, withinMs: evidenceWithinMs, graceMs: 0 });
    } catch (error) {
      return { bit: false, detail: `the runtime does not tell what ${process} felt: ${messageOf(error)}` };
    }
  }

  /** Takes it back and makes it again, until it is to end. @returns how often it has come, in words */
  async function repeat(everyMs: number, signal: AbortSignal): Promise<string> {
    let times = 1;
    let lastMs = clock.nowMs();
    const told = (): string =>
      `${process} was ${participles[fault.kind]}, ${times === 1 ? "once" : `${times} times`}`;
    try {
      for (;;) {
        await change.takeBack(target, process, before, signal);
        await clock.sleep(lastMs + everyMs - clock.nowMs(), signal);
        await idle();
        signal.throwIfAborted();
        lastMs = clock.nowMs();
        await change.make(target, process, signal);
        times += 1;
        onRepeat(times);
      }
    } catch (error) {
      return signal.aborted ? told() : `${told()}, until it did not start again: ${messageOf(error)}`;
    }
  }
}

/** A change with what is wanted of it. */
interface BoundChange extends Pick<ProcessChange<never>, "how" | "takeBack"> {
  before(target: Target, process: string): Promise<ChangeRecord>;
  make(target: Target, process: string, signal: AbortSignal): Promise<void>;
  evidence(target: Target, process: string, before: ChangeRecord): Promise<ProcessEvidence> | undefined;
}

function bind<C extends ChangeRequest["change"]>(
  runtime: Runtime,
  { change: name, wanted }: ChangeRequest<C>,
): BoundChange {
  const change = changeOf(runtime, name);
  return {
    how: change.howFor?.(wanted) ?? change.how,
    before: (target, process) => change.before(target, process, wanted),
    make: (target, process, signal) => change.make(target, process, wanted, signal),
    evidence: (target, process, before) => change.evidence?.(target, process, before),
    takeBack: (target, process, before, signal) => change.takeBack(target, process, before, signal),
  };
}
