import { basename } from "node:path";
import { formatAddress } from "../base/address.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { readJsonl } from "../base/jsonl.ts";
import { checkInvariant } from "../consistency/check.ts";
import { toldRows } from "../consistency/told.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { readObservations, writeObservations } from "../observe/observations.ts";
import { readQueue } from "../observe/queue-reader.ts";
import { receiverStats, setSink } from "../observe/receiver-client.ts";
import { historyLineSchema } from "../record/history.ts";
import { packOtlp } from "../record/pack-otlp.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { toldObservation, type Target } from "../target/target.ts";

/** Spans on their way into the run folder, until it is disposed of. */
export interface DirectedSpans extends AsyncDisposable {
  /** Resolves when all that the receiver has is there. @returns what was lost on the way, in words */
  settle(): Promise<readonly string[]>;
}

/** Sends the services' spans into the run folder. */
export async function directSpans(fleet: Fleet, folder: RunFolder): Promise<DirectedSpans> {
  const { receiver } = fleet;
  const { traces: file } = folder;
  const pack = (): void => packOtlp(file);
  switch (fleet.spanDelivery) {
    case "file":
      await setSink(receiver, file);
      return {
        settle: () => Promise.resolve([]),
        async [Symbol.asyncDispose]() {
          await setSink(receiver, null);
          pack();
        },
      };
    case "queue": {
      const reader = await readQueue({ receiver, name: basename(folder.path), file });
      return {
        settle: () => reader.settle(),
        async [Symbol.asyncDispose]() {
          await reader[Symbol.asyncDispose]();
          pack();
        },
      };
    }
  }
}

export interface CollectOptions {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly fleet: Fleet;
  readonly folder: RunFolder;
  readonly interrupt: AbortSignal;
  readonly clock: Clock;
  readonly stores: StoreReader;
}

/** What reads the rows of observations, and keeps them. */
export interface StoreReader {
  readonly readObservations: typeof readObservations;
  readonly writeObservations: typeof writeObservations;
}

const settlePollMs = 500;

/**
 * Waits until the stores agree with each other and with what clients were told, then keeps their rows in the run
 * folder; after the longest `settled-within` of the hypothesis it keeps them as they are. An interrupted run reads
 * nothing: what has not settled would look like a violation.
 */
export async function collectStores(
  options: CollectOptions,
): Promise<{ readonly durationMs: number; readonly detail: string }> {
  const { target, fleet, folder, interrupt, clock, stores } = options;
  const promises = options.experiment.hypothesis.filter(({ kind }) => kind === "consistent");
  if (promises.length === 0)
    return { durationMs: 0, detail: "no consistency is promised; stores were not read" };
  if (interrupt.aborted) return { durationMs: 0, detail: "interrupted; stores were not read" };
  const startedMs = clock.nowMs();
  const deadlineMs =
    startedMs +
    Math.max(...promises.map((promise) => (promise.kind === "consistent" ? promise.settledWithinMs : 0)));
  const told = toldRows(readJsonl(folder.history, (value) => historyLineSchema.parse(value)).lines);
  const access = {
    storeUrl: (name: string) => fleet.stores.get(name),
    baseUrl: (name: string) => {
      const address = fleet.addresses.get(name)?.["http"];
      return address && `http://${formatAddress(address)}`;
    },
  };
  for (;;) {
    const observed = await stores.readObservations(target.observations, access, AbortSignal.timeout(10_000));
    const rows = { ...observed, [toldObservation]: told };
    const unsettled = target.invariants.filter(
      (invariant) => checkInvariant(invariant, rows).outcome !== "held",
    );
    const nowMs = clock.nowMs();
    if (unsettled.length === 0 || nowMs >= deadlineMs || interrupt.aborted) {
      stores.writeObservations(folder.stores, rows);
      const detail =
        unsettled.length === 0
          ? "every invariant holds"
          : `not so: ${unsettled.map(({ id }) => id).join(", ")}`;
      return { durationMs: nowMs - startedMs, detail };
    }
    await clock.sleep(settlePollMs, interrupt).catch(() => undefined);
  }
}

/** What became of waiting for the services' spans. */
export interface CollectedTraces {
  readonly detail: string;
  /** Services that were still sending when the wait was over, and the time of which they may have more. */
  readonly unsent: readonly { readonly service: string; readonly sinceMs: number }[];
}

export interface TracesWait {
  /** Longer than any pause that services make between two batches. @default 1000 */
  readonly quietMs?: number;
  /** @default 5000 */
  readonly longestMs?: number;
}

/** Waits until the services have sent their spans: until none has come of anybody for a while, some seconds at most. */
export async function collectTraces(
  { receiver }: Pick<Fleet, "receiver">,
  { quietMs = 1_000, longestMs = 5_000 }: TracesWait = {},
): Promise<CollectedTraces> {
  const startMs = systemClock.nowMs();
  for (;;) {
    const { spans, services } = await receiverStats(receiver);
    const atMs = systemClock.nowMs();
    const sending = Object.entries(services).filter(
      ([, { lastReceivedAtMs }]) => lastReceivedAtMs > atMs - quietMs,
    );
    // What ended just before the wait began is not on its way yet.
    const isQuiet = sending.length === 0 && atMs >= startMs + quietMs;
    if (isQuiet || atMs >= startMs + longestMs)
      return {
        detail: `${spans} spans received`,
        // A batch holds what had ended when it was made.
        unsent: sending.map(([service, { lastReceivedAtMs }]) => ({
          service,
          sinceMs: lastReceivedAtMs - quietMs,
        })),
      };
    await systemClock.sleep(quietMs / 4);
  }
}
