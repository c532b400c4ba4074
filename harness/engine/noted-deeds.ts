import { relative } from "node:path";
import type { Clock } from "../base/clock.ts";
import { proxyApi, type ProxyCall } from "../faults/proxy-api.ts";
import type { LoadDriver, LoadResult } from "../load/driver.ts";
import type { JournalEvent } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Deeds } from "./deeds.ts";
import type { Note } from "./planned-deed.ts";

/** Deeds that are only taken down. Whoever asks something of them is told that nothing is there. */
export function notedDeeds(clock: Clock, note: Note): Deeds {
  const collect = (text: string): void => note({ kind: "collect", text });
  const ended = { [Symbol.asyncDispose]: () => Promise.resolve() };
  const settled = { ...ended, settle: () => Promise.resolve([]) };
  return {
    clock,
    findK6: (program = "k6") => {
      note({ kind: "load", text: `look for ${program}` });
      return Promise.resolve({ program, version: "unknown" });
    },
    openRun(path) {
      const folder = runFolder(path);
      collect(`make ${relative(".", path)}, and keep there what follows`);
      return {
        folder,
        journal: {
          write(event) {
            noteEvent(event, note);
            return { atMs: clock.nowMs(), ...event };
          },
          [Symbol.dispose]: () => undefined,
        },
        keepRecord: () => collect("experiment.json: the experiment and the fleet as they are"),
        [Symbol.dispose]: () => undefined,
      };
    },
    openProxy: (url) => Promise.resolve(proxyApi(url, notedCalls(note))),
    startDriver: (plan) => {
      const { journeysModule: _, historyFile: _history, histogramsFile: _histograms, ...rest } = plan;
      return Promise.resolve(notedDriver(`driver ${JSON.stringify(rest)}`, note));
    },
    startK6: (plan) => {
      const { script, variables } = plan;
      return Promise.resolve(notedDriver(`k6 ${JSON.stringify({ script, variables })}`, note));
    },
    startWatchdog: () => {
      note({
        kind: "fleet",
        text: "start the watchdog: it takes back what is broken when this process dies",
      });
      let ending: Promise<void> | undefined;
      return Promise.resolve({
        pid: 0,
        lost: new AbortController().signal,
        idle: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => {
          ending ??= Promise.resolve(note({ kind: "fleet", text: "end the watchdog" }));
          return ending;
        },
      });
    },
    keepLogs: () => {
      collect("logs/: what services log from now on");
      return Promise.resolve(settled);
    },
    directSpans: () => {
      collect("traces.otlp.jsonl: spans that the receiver is sent");
      return Promise.resolve(settled);
    },
    openSpanReceipt: () => Promise.resolve({ told: () => Promise.resolve([]) }),
    forwardSpans: (_fleet, to) => {
      if (to !== undefined) collect(`spans are passed on to ${to}`);
      return Promise.resolve({ ...ended, end: () => Promise.resolve(undefined) });
    },
    recordRunMetrics: ({ listen }) => {
      const shown = listen === undefined ? "" : `, and the run's own shown on port ${listen.port}`;
      collect(`metrics/: of services, proxy and harness, each second${shown}`);
      return Promise.resolve({
        ...ended,
        takeEvent: () => undefined,
        takeProgress: () => undefined,
        told: () => "",
      });
    },
    recordFaults: () => {
      collect("faults.jsonl: events of the proxy");
      return Promise.resolve({ settle: () => Promise.resolve(""), [Symbol.dispose]: () => undefined });
    },
    edgeCrossings: () => new Map(),
    // Nothing was asked, so nothing is found.
    requirePassed: () => undefined,
    readObservations: (specs) => {
      const rows = Object.entries(specs).map(([name, spec]) => {
        const where =
          spec.kind === "sql"
            ? `SQL on ${spec.store}: ${oneLine(spec.sql)}`
            : `GET ${spec.path} of ${spec.from.join(", ")}`;
        collect(`stores/${name}.jsonl: ${where}`);
        return [name, []] as const;
      });
      return Promise.resolve(Object.fromEntries(rows));
    },
    writeObservations: () => undefined,
    collectTraces: () => {
      collect("wait until the services have sent their spans, some seconds at most");
      return Promise.resolve({ detail: "", unsent: [] });
    },
  };
}

/** An API of a proxy on which nothing is broken. @param read who answers instead where nothing is changed */
export function notedCalls(note: Note, read?: ProxyCall): ProxyCall {
  return async (method, path, body) => {
    note({ kind: "proxy", method, path, ...(body === undefined ? {} : { body }) });
    if (method !== "GET") return undefined;
    return read === undefined ? { proxies: [], faults: [], leases: [] } : read(method, path);
  };
}

/** Of what is written down, that which is more than the outcome of another deed. */
function noteEvent(event: JournalEvent, note: Note): void {
  switch (event.event) {
    case "phase-started":
      return note({ kind: "phase", text: event.phase === "warmup" ? "warm-up" : event.phase });
    case "preflight":
      return note({ kind: "check", text: `go on only if: ${event.check}` });
    case "undo-planned":
      return note({ kind: "journal", text: `${event.fault} is undone by ${JSON.stringify(event.undo)}` });
    case "limits-exceeded":
      return note({ kind: "journal", text: `${event.breaches.join("; ")}; because: ${event.reason}` });
    case "run-started":
    case "watchdog-started":
    case "watchdog-took-over":
    case "fleet-ready":
    case "load-started":
    case "fault-injected":
    case "fault-repeated":
    case "lease-lost":
    case "process-ended":
    case "fault-undone":
    case "undo-failed":
    case "guard-tripped":
    case "interrupted":
    case "load-ended":
    case "settled":
    case "collected":
    case "failed":
    case "recovered":
    case "run-ended":
  }
}

function notedDriver(what: string, note: Note): LoadDriver {
  const over = Promise.withResolvers<LoadResult>();
  const end = (): Promise<LoadResult> => {
    note({ kind: "load", text: "end the load, when what is under way has ended" });
    over.resolve(nothingSent);
    return over.promise;
  };
  note({ kind: "load", text: `start the ${what}` });
  return {
    begin: () => note({ kind: "load", text: "have it begin" }),
    done: over.promise,
    stop: end,
    cut: end,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const nothingSent: LoadResult = {
  intended: 0,
  started: 0,
  health: { lateP99Ms: 0, lateMaxMs: 0, cpuShare: 0, stallMaxMs: 0 },
  users: 0,
  highlights: { slowest: [], errors: [] },
  stray: [],
};

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
