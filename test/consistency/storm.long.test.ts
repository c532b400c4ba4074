import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { pagesOf } from "../../dashboards/recorded-alerts.fixture.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { summarySchema, type Summary } from "../../harness/record/summary.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { root, squall } from "../e2e/squall-command.ts";
import { stormExperiment } from "./storm-experiment.ts";

/**
 * The consistency suite: 2,000 checkouts and more while everything that can be broken is (see storm.ts), and then every
 * invariant of the target. `npm run test:consistency`; with SQUALL_STORM_SEED=… the same storm again, with
 * SQUALL_STORM_RUNS=… a folder that keeps what it left.
 */
const seed = process.env["SQUALL_STORM_SEED"] ?? "storm";
/** 50 of 60 journeys are checkouts: 50 a second, where there are processors enough for the shop, its stores and the load. */
const ratePerSecond = Number(process.env["SQUALL_STORM_RATE"] ?? (availableParallelism() >= 8 ? 60 : 24));
const leastCheckouts = 2_000;
/** A tenth more than they take, since journeys start at random. */
const lengthMs = Math.ceil((1.1 * leastCheckouts) / (ratePerSecond * (50 / 60))) * 1_000;
/** What shows in every storm shows in a short one. */
const shortMs = Math.ceil(lengthMs / 2_000) * 1_000;

const kept = process.env["SQUALL_STORM_RUNS"];
const runs = kept ?? mkdtempSync(join(tmpdir(), "squall-storm-"));
afterAll(() => (kept === undefined ? rmSync(runs, { recursive: true, force: true }) : undefined));
beforeEach(async () => {
  await squall(["recover", "--runs", runs]).exit;
});

const again = `SQUALL_STORM_SEED=${seed} npm run test:consistency`;

test(
  `whatever breaks, nothing is lost, doubled or left over (again: ${again})`,
  { timeout: 420_000 },
  async () => {
    const { summary, text, folder } = await weather("full", lengthMs, 60);
    const broken = summary.invariants.filter(({ outcome }) => outcome !== "held");
    expect(broken, text).toEqual([]);
    expect(summary.objectives.find(({ kind }) => kind === "consistent")?.outcome).toBe("held");

    // It was a storm: the orders came, each process died and came back, and most faults were felt.
    expect(checkoutsIn(summary)).toBeGreaterThanOrEqual(leastCheckouts);
    const kills = summary.faults.filter(({ kind }) => kind === "kill");
    const { services, stores } = loadTarget(join(root, "target-system/target.yaml"));
    expect(kills.map(({ process }) => process).toSorted()).toEqual(
      [...Object.keys(services), ...Object.keys(stores)].toSorted(),
    );
    expect(summary.faults.filter(({ undoneMs }) => undoneMs === undefined)).toEqual([]);
    expect(kills.filter(({ bit }) => !bit)).toEqual([]);
    const felt = summary.faults.filter(({ bit }) => bit).length;
    expect(felt / summary.faults.length).toBeGreaterThan(0.6);
    // And every property was checked on something.
    expect(summary.invariants.filter(({ checked }) => checked === 0).map(({ id }) => id)).toEqual([]);

    // Whoever is on call for a promise to answer is called once it is broken, and not before.
    for (const [file, { before, since }] of Object.entries(await pagesOf(folder))) {
      if (wasWell(summary)) expect(before.filter(isOfAnswers), file).toEqual([]);
      expect(since.filter(isOfAnswers), file).toEqual([
        "CheckoutSuccessBurnRate",
        "ProductSuccessBurnRate",
        "BrowseSuccessBurnRate",
        "PaymentSuccessBurnRate",
      ]);
    }
  },
);

test(
  `without the idempotency pattern the same storm takes money twice (again: ${again})`,
  { timeout: 420_000 },
  async () => {
    // What was taken twice never settles: that is seen soon, and not waited for.
    const { summary, text } = await weather("full,-idempotency", shortMs, 15);
    const twice = summary.invariants.filter(
      ({ id, outcome }) => doublesMoney.includes(id) && outcome === "violated",
    );
    expect(twice.length, text).toBeGreaterThan(0);
    // Two orders of one request, both confirmed, so that each has its captured payment; or one order captured twice.
    const charged = twice
      .flatMap(({ anomalies }) => anomalies)
      .filter(({ witness }) => witness.filter(({ status }) => isMoney(status)).length >= 2);
    expect(charged.length, JSON.stringify(twice)).toBeGreaterThan(0);
  },
);

/** How long answers take is the machine's. */
const isOfAnswers = (alert: string): boolean => alert.endsWith("SuccessBurnRate");

/** So much load in the baseline is more than a busy machine may bear. */
function wasWell({ journeys }: Summary): boolean {
  const baselines = journeys.flatMap(({ phases }) => phases.filter(({ phase }) => phase === "baseline"));
  return baselines.every(({ started, ok }) => ok === started);
}

const doublesMoney = ["checkout-makes-one-order", "no-payment-taken-twice"];
const isMoney = (status: unknown): boolean => status === "confirmed" || status === "captured";

async function weather(
  patterns: string,
  stormMs: number,
  settledWithinSeconds: number,
): Promise<{ readonly summary: Summary; readonly text: string; readonly folder: RunFolder }> {
  mkdirSync(runs, { recursive: true });
  const known = new Set(readdirSync(runs));
  const file = join(runs, "storm.yaml");
  const target = loadTarget(join(root, "target-system/target.yaml"));
  writeFileSync(
    file,
    stormExperiment(target, runs, { seed, lengthMs: stormMs, ratePerSecond, settledWithinSeconds }),
  );
  const command = squall([
    "run",
    relative(root, file),
    "--set",
    `patterns=${patterns}`,
    "--seed",
    seed,
    "--runs",
    runs,
  ]);
  const exitCode = await command.exit;
  const made = readdirSync(runs).find((name) => !known.has(name) && name !== "storm.yaml");
  if (made === undefined) throw new Error(command.out() + command.err());
  const folder = runFolder(join(runs, made));
  if (!existsSync(folder.summary)) throw new Error(`no verdict, exit code ${exitCode}:\n${command.err()}`);
  const summary = summarySchema.parse(JSON.parse(readFileSync(folder.summary, "utf8")));
  const broken = summary.invariants.flatMap(({ title, anomalies, why }) => [
    ...(why === undefined ? [] : [`${title}: ${why}`]),
    ...anomalies.map(({ message, traceId }) => `${title}: ${message} (${traceId ?? "no trace"})`),
  ]);
  return { summary, folder, text: [`exit code ${exitCode}; again: ${again}`, ...broken].join("\n") };
}

/** Also of those who cancel afterwards. */
function checkoutsIn({ journeys }: Summary): number {
  return journeys
    .filter(({ journey }) => journey === "checkout" || journey === "regret")
    .flatMap(({ phases }) => phases.filter(({ phase }) => phase === "fault"))
    .reduce((sum, { started }) => sum + started, 0);
}
