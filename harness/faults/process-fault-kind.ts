import type { ProcessFault } from "../experiment/fault.ts";
import type { ChangeRequest } from "../runtimes/process-change.ts";

/** The faults of one kind, as the experiment has them. */
export type ProcessFaultOf<K extends ProcessFault["kind"]> = Extract<ProcessFault, { readonly kind: K }>;

/** One kind of fault of a process: what it is in words, and what a runtime is asked to do for it, which that takes back. */
export interface ProcessFaultKind<F extends ProcessFault> {
  /** "pause of order"; how the runtime does that comes behind. */
  describe(fault: F): string;
  ask(fault: F): ChangeRequest;
  /** @default the change stays until the fault is undone */
  pace?(fault: F): Pace;
}

/** How a fault goes on once its change is made. */
export type Pace =
  | { readonly kind: "until-undone" }
  /** The change is taken back as soon as it is made. */
  | { readonly kind: "at-once" }
  /** The same, again and again: so long from one to the next, or as long as taking it back takes. */
  | { readonly kind: "again"; readonly everyMs: number };
