import { SquallError } from "../base/errors.ts";
import type { ReplicasFault } from "../experiment/fault.ts";
import type { ProcessEvidence } from "../record/journal.ts";
import type { CanScale, Runtime } from "../runtimes/runtime.ts";
import type { Injection } from "./injection.ts";
import { takenBackWithinMs, type Processes } from "./processes.ts";
import { takeBack } from "./take-back.ts";

interface ReplicasInjectionOptions {
  readonly fault: ReplicasFault;
  readonly target: Processes["target"];
  readonly runtime: Runtime & CanScale;
  /** Resolves when nobody else changes the service. */
  readonly idle: () => Promise<void>;
}

/** Asks how many replicas the service has. @throws {SQUALL_NO_FLEET} */
export async function replicasInjection(options: ReplicasInjectionOptions): Promise<Injection> {
  const { fault, target, runtime, idle } = options;
  const { service, count } = fault;
  const listed = (await runtime.listReplicas(target)).find((one) => one.service === service);
  const had = listed?.replicas.filter(({ state }) => state !== "dead").length ?? 0;
  if (had === 0) throw new SquallError("SQUALL_NO_FLEET", `no replica of ${service} runs`);
  let evidence: ProcessEvidence | undefined;
  const undo = { kind: "replicas", service, count: had } as const;
  return {
    undo,
    undoWithinMs: takenBackWithinMs,
    isMomentary: false,
    async begin(over) {
      const { before, after } = await runtime.scale(target, service, count, { signal: over });
      evidence = { bit: before !== after, detail: `${service} had ${before}, then ${after}` };
      return undefined;
    },
    async end(signal) {
      await idle();
      await takeBack(undo, { runtime, target }, signal);
      return evidence === undefined ? {} : { evidence };
    },
  };
}
