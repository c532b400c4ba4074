import type { ProcessFault } from "../experiment/fault.ts";
import type { ChangeRequest } from "../runtimes/process-change.ts";
import { clockSkew } from "./clock-skew.ts";
import { cpu } from "./cpu.ts";
import { crashLoop } from "./crash-loop.ts";
import { diskFull } from "./disk-full.ts";
import { dns } from "./dns.ts";
import { kill } from "./kill.ts";
import { memory } from "./memory.ts";
import { partition } from "./partition.ts";
import { pause } from "./pause.ts";
import type { Pace, ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";
import { restart } from "./restart.ts";
import { stop } from "./stop.ts";

/**
 * Faults of processes: each kind is a file; here they meet. The runtime makes the change, and takes it back by what it noted
 * before:
 *
 *   Fault ─ask→ change of the runtime ─before→ (journal) ─make→ … ─takeBack→ as it was
 */

type Kinds = { readonly [K in ProcessFault["kind"]]: ProcessFaultKind<ProcessFaultOf<K>> };

const kinds: Kinds = {
  kill,
  stop,
  restart,
  "crash-loop": crashLoop,
  pause,
  cpu,
  memory,
  "disk-full": diskFull,
  partition,
  dns,
  "clock-skew": clockSkew,
};

/** "pause of order" */
export function describeProcessFault(fault: ProcessFault): string {
  return describeOf(fault.kind, fault);
}

/** What a runtime is asked to do. */
export function askedOf(fault: ProcessFault): ChangeRequest {
  return askOf(fault.kind, fault);
}

export function paceOf(fault: ProcessFault): Pace {
  return paceOfKind(fault.kind, fault);
}

function describeOf<K extends ProcessFault["kind"]>(kind: K, fault: ProcessFaultOf<K>): string {
  return kinds[kind].describe(fault);
}

function askOf<K extends ProcessFault["kind"]>(kind: K, fault: ProcessFaultOf<K>): ChangeRequest {
  return kinds[kind].ask(fault);
}

function paceOfKind<K extends ProcessFault["kind"]>(kind: K, fault: ProcessFaultOf<K>): Pace {
  return kinds[kind].pace?.(fault) ?? { kind: "until-undone" };
}
