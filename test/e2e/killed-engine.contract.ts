import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { pendingUndos } from "../../harness/engine/take-back.ts";
import { createRandom, type Random } from "../../harness/base/random.ts";
import { waitAtMost, waitFor } from "../../harness/base/wait.ts";
import { changeNameSchema } from "../../harness/record/change-name.ts";
import { readJournal, type JournalLine } from "../../harness/record/journal.ts";
import { runFolder } from "../../harness/record/run-folder.ts";
import { canChange } from "../../harness/runtimes/process-change.ts";
import { identify } from "../../harness/runtimes/process-identity.ts";
import { canScale, type Runtime } from "../../harness/runtimes/runtime.ts";
import { squall } from "./squall-command.ts";

/**
 * What is left of a run's faults when its engine is killed: nothing, whatever the fleet consists of. Each fault that the
 * runtime can make has a part of its own, and all are in place at once, so that one engine dies during each of them:
 *
 *   baseline │ being made │ in place …          │ being undone
 *      ✗     │      ✗     │     ✗        ✗      │      ✗
 */
export interface Breakable {
  readonly runtime: Runtime;
  /** Path of the target's file; experiment and runs are beside it. The fleet is up before the first test. */
  readonly target: string;
  readonly folder: string;
  /** What tells `run` and `recover` of the fleet. */
  readonly options: readonly string[];
  /** What it was brought up with, where that is not the usual. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Each of a part that has no other fault. */
  readonly faults: readonly BreakableFault[];
  /** How a part is, which answers; the same whenever nothing is wrong with it. @throws when it does not answer */
  state(part: string): Promise<unknown>;
}

export interface BreakableFault {
  readonly kind: string;
  readonly part: string;
  /** What more the fault says: `{ processors: 0.1 }`. */
  readonly wanted?: Readonly<Record<string, unknown>>;
}

const seed = process.env["SQUALL_TEST_SEED"] ?? String(Date.now());
/** What the watchdog promises. */
const takenBackWithinMs = 10_000;
const baselineMs = 1_000;
const madeWithinMs = 600;
const lastsMs = 2_000;

/** From when to when the engine is killed, in milliseconds since the beginning of the fault phase. */
const moments = {
  "before any is made": [-700, 0],
  "while they are made": [0, madeWithinMs + 200],
  "when they are made": [madeWithinMs + 200, 1_500],
  "when they are in place": [1_500, lastsMs],
  "while they are undone": [lastsMs, lastsMs + madeWithinMs + 600],
} as const;
type Moment = keyof typeof moments;

export function killedEngineContract(name: string, system: () => Breakable): void {
  let before: ReadonlyMap<string, unknown>;
  let kills = 0;
  /** Every line of every journal. */
  const journaled: JournalLine[] = [];
  const random = createRandom(seed);

  describe(`${name}: an engine that is killed`, () => {
    beforeAll(async () => {
      await waitFor({ what: "every part to answer", withinMs: 30_000, everyMs: 200 }, async () => {
        await Promise.all(system().faults.map(({ part }) => system().state(part)));
        return true;
      });
      before = await stateOfAll();
    });

    test.each(Object.keys(moments) as Moment[])(
      `%s leaves nothing of any fault after 10 s (seed ${seed})`,
      async (moment) => {
        const { journal, watchdog } = await killAt(moment, { chance: random.fork(moment) });
        const options = { what: "the watchdog to end", withinMs: takenBackWithinMs };
        const killedMs = Date.now();
        const hasEnded = await waitAtMost(options, () => identify(watchdog) === undefined);
        const told = journal().map((line) => JSON.stringify({ ...line, atMs: line.atMs - killedMs }));
        expect([hasEnded, pendingUndos(journal())], told.join("\n")).toEqual([true, []]);
        expect(await stateOfAll()).toEqual(before);
        journaled.push(...journal());
      },
    );

    test("has broken by then whatever this runtime can break", () => {
      const { runtime } = system();
      const able = changeNameSchema.options.filter((change) => canChange(runtime, change));
      const broken = journaled.flatMap((line) =>
        line.event === "undo-planned" && line.undo.kind === "process-change" ? [line.undo.change] : [],
      );
      expect([...new Set(broken)].toSorted()).toEqual(able.toSorted());
      const scaled = journaled.some((line) => line.event === "undo-planned" && line.undo.kind === "replicas");
      expect(scaled).toBe(canScale(runtime));
    });

    test("together with its watchdog leaves it to recover, which puts all right", async () => {
      const looked = ["kill", "pause"];
      const { runs, journal } = await killAt("when they are in place", {
        chance: random.fork("both"),
        inPlace: looked,
        lastMs: 20_000,
        alsoWatchdog: true,
      });
      const left = await Promise.all(
        system().faults.map(async ({ part, kind }) =>
          JSON.stringify(await stateOf(part)) === JSON.stringify(before.get(part)) ? [] : [kind],
        ),
      );
      expect(left.flat()).toEqual(expect.arrayContaining(looked));

      const { target, options, folder } = system();
      const recover = squall(["recover", target, ...options, "--runs", runs], folder);
      expect(await recover.exit, recover.err()).toBe(0);
      expect(recover.out()).toContain(": recovered");
      expect(await stateOfAll()).toEqual(before);
      expect(journal().at(-1)).toMatchObject({ event: "recovered" });
    });
  });

  interface Death {
    readonly chance: Random;
    /** How long each fault lasts. */
    readonly lastMs?: number;
    /** Kinds of faults that must be in place, however long a busy machine needs for them. */
    readonly inPlace?: readonly string[];
    readonly alsoWatchdog?: boolean;
  }

  async function killAt(moment: Moment, death: Death) {
    const { chance, lastMs = lastsMs, inPlace = [], alsoWatchdog = false } = death;
    const { options, folder } = system();
    const [earliestMs, latestMs] = moments[moment];
    const killMs = chance.integer(earliestMs, latestMs);
    kills += 1;
    const experiment = join(folder, `killed-${kills}.yaml`);
    const runs = join(folder, `runs-${kills}`);
    writeFileSync(experiment, JSON.stringify(experimentOf(system(), { killMs, lastMs, chance })));
    const run = squall(["run", experiment, ...options, "--runs", runs], folder);
    const journal = (): readonly JournalLine[] => linesIn(runs);
    const early = run.exit.then((code) => {
      throw new Error(`the run ended by itself, with ${code}: ${run.err()}`);
    });
    early.catch(() => undefined); // each ends sooner or later
    const find = <E extends JournalLine["event"]>(event: E) =>
      Promise.race([
        early,
        waitFor({ what: `the journal to say ${event}`, withinMs: 30_000 }, () =>
          journal().find((line): line is Extract<JournalLine, { event: E }> => line.event === event),
        ),
      ]);
    const { zeroMs } = await find("load-started");
    const { pid: watchdog } = await find("watchdog-started");
    await Promise.race([early, sleep(Math.max(0, zeroMs + baselineMs + killMs - Date.now()))]);
    const isInPlace = (kind: string): boolean =>
      journal().some((line) => line.event === "fault-injected" && line.faultKind === kind);
    const what = `${inPlace.join(", ")} to be in place`;
    await Promise.race([early, waitFor({ what, withinMs: lastMs }, () => inPlace.every(isInPlace))]);
    run.child.kill("SIGKILL");
    if (alsoWatchdog) process.kill(watchdog, "SIGKILL");
    await run.exit;
    return { runs, journal, watchdog };
  }

  async function stateOf(part: string): Promise<unknown> {
    return system()
      .state(part)
      .catch((error: unknown) => String(error));
  }

  async function stateOfAll(): Promise<ReadonlyMap<string, unknown>> {
    const parts = system().faults.map(({ part }) => part);
    return new Map(await Promise.all(parts.map(async (part) => [part, await stateOf(part)] as const)));
  }
}

function linesIn(runs: string): readonly JournalLine[] {
  const [run] = existsSync(runs) ? readdirSync(runs) : [];
  return run === undefined ? [] : readJournal(runFolder(join(runs, run)).journal).lines;
}

interface Times {
  readonly killMs: number;
  readonly lastMs: number;
  readonly chance: Random;
}

function experimentOf({ target, settings, faults }: Breakable, { killMs, lastMs, chance }: Times) {
  const phaseMs = lastMs + madeWithinMs + 1_000;
  return {
    title: "Whatever breaks, nothing is left of it",
    target,
    ...(settings && { settings }),
    load: { journey: "look", rate: "20/s" },
    phases: { warmup: "0s", baseline: `${baselineMs}ms`, fault: `${phaseMs}ms`, recovery: "1s" },
    faults: faults.map(({ kind, part, wanted }) => {
      const own = chance.fork(part);
      const broken = kind === "replicas" ? { service: part } : { process: part };
      // A restart takes no time of its own: it is under way when the engine is killed.
      const time =
        kind === "restart"
          ? { at: `${Math.max(0, Math.min(killMs - own.integer(0, 400), phaseMs - 100))}ms` }
          : { at: `${own.integer(0, madeWithinMs)}ms`, for: `${lastMs}ms` };
      return { [kind]: { ...broken, ...wanted, ...time } };
    }),
    hypothesis: [{ success: { journey: "look", "at-least": "50%", during: "baseline" } }],
  };
}
