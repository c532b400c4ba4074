import { proxyNameOf } from "../faults/fault-kind.ts";
import { changeNameSchema, type ChangeName } from "../record/change-name.ts";
import { canChange, changeOf, type ProcessChange } from "../runtimes/process-change.ts";
import {
  canScale,
  type CanScale,
  type Fleet,
  type Replica,
  type Runtime,
  type StartOptions,
} from "../runtimes/runtime.ts";
import { edgesOf, type Target } from "../target/target.ts";
import type { Note } from "./planned-deed.ts";

/**
 * A runtime that can do what another one can, and only takes down what it is asked for. It does not look whether a fleet is
 * up: one is to be started.
 */
export function notedRuntime(runtime: Runtime, note: Note): Runtime {
  /** How many replicas each service has been given. */
  const counts = new Map<string, number>();
  const changes = changeNameSchema.options.filter((change) => canChange(runtime, change));
  return {
    name: runtime.name,
    stateFolder: (target) => runtime.stateFolder(target),
    lock: (target, what) => {
      note({ kind: "fleet", text: `lock the fleet of ${target.name} for "${what}"` });
      return Promise.resolve({
        [Symbol.asyncDispose]: () => {
          note({ kind: "fleet", text: `unlock the fleet of ${target.name}` });
          return Promise.resolve();
        },
      });
    },
    attach: (target) => {
      note({ kind: "fleet", text: `look whether a fleet of ${target.name} is up: it is used as it is` });
      return Promise.resolve(undefined);
    },
    start: (target, options) => {
      const isFound = runtime.name === "docker";
      const text = isFound
        ? "otherwise refuse the run: a stack of containers is Compose's to start"
        : startText(target, options);
      note({ kind: "fleet", text });
      for (const service of Object.keys(target.services))
        counts.set(service, options.replicas?.[service] ?? 1);
      return Promise.resolve(plannedFleet(target, options, isFound ? () => undefined : note));
    },
    cleanUp: () => Promise.resolve([]),
    ...Object.fromEntries(changes.map((change) => [change, notedChange(runtime, change, note)])),
    ...(canScale(runtime) ? notedScaling(counts, note) : {}),
  };
}

function notedChange(runtime: Runtime, change: ChangeName, note: Note): ProcessChange<unknown> {
  const real: ProcessChange<unknown> = changeOf(runtime, change);
  const tell = (what: string): void => note({ kind: "fleet", text: what });
  const given = (wanted: unknown): string => {
    const text = JSON.stringify(wanted);
    return text === "{}" ? "" : ` ${text}`;
  };
  return {
    how: real.how,
    ...(real.evidence === undefined
      ? {}
      : {
          evidence: (_target: Target, process: string) => {
            tell(`${change} of ${process}: ask what shows that it is felt`);
            return Promise.resolve({ bit: true, detail: "" });
          },
        }),
    before: (_target, process, wanted) => {
      tell(`${change} of ${process}${given(wanted)}: ask what taking it back will need`);
      return Promise.resolve({});
    },
    make: (_target, process, wanted) => {
      tell(`${change} of ${process}${given(wanted)} (${real.howFor?.(wanted) ?? real.how}): make`);
      return Promise.resolve();
    },
    takeBack: (_target, process) => {
      tell(`${change} of ${process}: take back`);
      return Promise.resolve();
    },
  };
}

function notedScaling(counts: Map<string, number>, note: Note): CanScale {
  const countOf = (service: string): number => counts.get(service) ?? 1;
  return {
    listReplicas: ({ services }) =>
      Promise.resolve(
        Object.keys(services).map((service) => ({
          service,
          replicas: plannedReplicas(service, countOf(service)).map((replica) => ({
            ...replica,
            state: "up",
            connections: 0,
          })),
        })),
      ),
    scale: (_target, service, count) => {
      note({ kind: "fleet", text: `scale ${service} to ${count}` });
      const before = countOf(service);
      counts.set(service, count);
      return Promise.resolve({ before, after: count, started: [], stopped: [] });
    },
    restart: (_target, service) => {
      note({ kind: "fleet", text: `restart ${service}, replica by replica` });
      const count = countOf(service);
      return Promise.resolve({ before: count, after: count, started: [], stopped: [] });
    },
  };
}

function plannedReplicas(service: string, count: number): readonly Replica[] {
  return Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? service : `${service}-${index + 1}`,
    pid: 0,
    addresses: {},
  }));
}

function startText({ services, stores, outside, name }: Target, options: StartOptions): string {
  const { settings, replicas = {}, seed } = options;
  const parts = [services, stores, outside].map((group) => Object.keys(group).join(", "));
  const chosen = [
    ...Object.entries(settings).map(([setting, value]) => `${setting}=${value}`),
    ...Object.entries(replicas).map(([service, count]) => `${count} of ${service}`),
    `seed ${seed}`,
  ];
  return [
    `otherwise start the fleet of ${name} (${chosen.join(", ")})`,
    [...parts.filter((names) => names !== ""), "the proxy and the span receiver"].join("; "),
  ].join(": ");
}

/** A fleet of which only names are known: what starts is given its ports then. */
function plannedFleet(target: Target, { settings, replicas = {} }: StartOptions, note: Note): Fleet {
  const unknown = { host: "unknown", port: 0 };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= Promise.resolve(note({ kind: "fleet", text: `stop the fleet of ${target.name}` }));
    return stopping;
  };
  return {
    target,
    settings,
    proxyApi: "<proxy>",
    entry: "<entry>",
    receiver: "<receiver>",
    edges: edgesOf(target).map((edge) => ({
      ...edge,
      proxy: proxyNameOf(edge),
      listen: unknown,
      upstream: unknown,
    })),
    replicas: new Map(
      Object.keys(target.services).map((service) => [
        service,
        plannedReplicas(service, replicas[service] ?? 1),
      ]),
    ),
    addresses: new Map(),
    stores: new Map(),
    spanDelivery: "file",
    keepLogs: () => Promise.reject(new Error("a fleet that is only planned logs nothing")),
    processes: [],
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
