import { systemClock, type Clock } from "../base/clock.ts";
import { SquallError } from "../base/errors.ts";
import type { CanScale, Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import type { Host, Output } from "./host.ts";

/** A host that keeps what was written to it, for tests. */
export interface FakeHost extends Host {
  readonly out: () => string;
  readonly err: () => string;
  /** As if the user had pressed Ctrl-C, or a supervisor asked to end. @returns how many listened */
  signal(signal: NodeJS.Signals): number;
}

export interface FakeHostOptions {
  readonly env?: Host["env"];
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly runtime?: Runtime;
  readonly clock?: Clock;
  readonly dockerRuntime?: Host["dockerRuntime"];
}

export function fakeHost(args: readonly string[], options: FakeHostOptions = {}): FakeHost {
  const out: string[] = [];
  const err: string[] = [];
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  const output = (written: string[]): Output => ({
    write(text, onWritten) {
      written.push(text);
      onWritten?.();
    },
    isTTY: options.isTTY ?? false,
    columns: options.columns,
  });
  return {
    args,
    env: options.env ?? {},
    stdout: output(out),
    stderr: output(err),
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    runtime: options.runtime ?? noRuntime,
    clock: options.clock ?? systemClock,
    dockerRuntime: options.dockerRuntime ?? (() => Promise.reject(new Error("this test has no Docker"))),
    out: () => out.join(""),
    err: () => err.join(""),
    signal(signal) {
      for (const listener of listeners) listener(signal);
      return listeners.size;
    },
  };
}

/** A runtime on which nothing is up and nothing can be started: what a command that should not touch one is given. */
export const noRuntime: Runtime & CanScale = {
  name: "process",
  start: () => Promise.reject(new Error("this test starts no fleet")),
  stateFolder: () => "/nonexistent/state",
  lock: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  attach: () => Promise.resolve(undefined),
  cleanUp: () => Promise.resolve([]),
  listReplicas: noFleet,
  scale: noFleet,
  restart: noFleet,
};

function noFleet({ name }: Target): Promise<never> {
  return Promise.reject(new SquallError("SQUALL_NO_FLEET", `no fleet of ${name} is up`));
}
