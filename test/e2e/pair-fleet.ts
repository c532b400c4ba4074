import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../harness/base/wait.ts";
import { readJournal, type JournalEvent, type JournalLine } from "../../harness/record/journal.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { squall, type SquallCommand } from "./squall-command.ts";

/**
 * The smallest fleet there is, in a folder of its own: a front that calls a back, and a store of the back's. It has no
 * telemetry, so that a verdict on it cannot be "held": it is for testing what Squall does, not how it judges.
 */
export interface PairFleet extends Disposable {
  readonly folder: string;
  readonly target: string;
  readonly experiment: string;
  readonly runs: string;
  /** Starts `squall` as a process of its own, as a user would. */
  squall(...args: readonly string[]): SquallCommand;
  /** The newest run's folder, once there is one. */
  newestRun(): RunFolder | undefined;
  /** Waits until the newest run's journal has an event. */
  journaled<E extends JournalEvent["event"]>(
    event: E,
    withinMs?: number,
  ): Promise<Extract<JournalLine, { event: E }>>;
}

const service = `
import http from "node:http";
const back = process.env.BACK_URL;
http.createServer(async (request, response) => {
  if (back === undefined || request.url === "/ready") return response.end("{}");
  await fetch(back, { signal: AbortSignal.timeout(500) }).then((answer) => answer.text(), () => "");
  response.end("{}");
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

const journeys = `
export const journeys = { look: ({ http }) => http.get("look", "/") };
`;

function targetWith(others: readonly string[]): string {
  const services = others.map(
    (name) => `
  ${name}:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready`,
  );
  return target.replace("\nstores:", `${services.join("")}\nstores:`);
}

const target = `
name: pair
entry: front
services:
  front:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready
    calls: { back: { env: BACK_URL, value: "http://{address}" } }
  back:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready
    calls: { back-db: { env: DATABASE_URL, value: "postgresql://{user}:{password}@{address}/{database}" } }
stores: { back-db: { kind: postgresql } }
journeys: { module: journeys.mjs, names: [look] }
`;

const experiment = `
title: The front lives without the back
target: target.yaml
load: { journey: look, rate: 40/s }
phases: { warmup: 0s, baseline: 3s, fault: 30s, recovery: 1s }
faults: [{ latency: { edge: front -> back, delay: 100ms } }]
hypothesis: [{ success: { journey: look, at-least: 50% } }]
`;

/** @param others services beside the two, which nobody calls */
export function pairFleet(others: readonly string[] = []): PairFleet {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "squall-pair-")));
  const files = {
    "service.mjs": service,
    "journeys.mjs": journeys,
    "target.yaml": targetWith(others),
    "experiment.yaml": experiment,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const runs = join(folder, "runs");

  const fleet: PairFleet = {
    folder,
    runs,
    target: join(folder, "target.yaml"),
    experiment: join(folder, "experiment.yaml"),
    squall: (...args) => squall(args, folder),
    newestRun() {
      const newest = namesIn(runs).sort().at(-1);
      return newest === undefined ? undefined : runFolder(join(runs, newest));
    },
    journaled: (event, withinMs = 60_000) =>
      waitFor({ what: `the journal to say ${event}`, withinMs }, () => {
        const run = fleet.newestRun();
        const lines = run ? readJournal(run.journal).lines : [];
        return lines.find(
          (line): line is Extract<JournalLine, { event: typeof event }> => line.event === event,
        );
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  return fleet;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
