import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { waitAtMost } from "../base/wait.ts";
import { openJournal, readJournal, type JournalEvent } from "../record/journal.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import { parseTarget } from "../target/load-target.ts";
import {
  pendingUndos,
  takeBackAll,
  type BrokenFleet,
  type PendingUndo,
  type TakenBack,
} from "./take-back.ts";
import type { FromWatchdog, ToWatchdog, WatchdogOrders } from "./watchdog.ts";

/**
 * The watchdog's own process. It counts its own ticks, not the time, so that a machine that slept is not taken for an
 * engine that hangs. After it took over from an engine that hangs it goes on watching: that one may come back, and die then.
 */

const defaultTickMs = 1_000;
/** As long as the proxy lets faults of edges live: 5 s. */
const leaseTicks = 5;
/** What the engine asked of others as it died may be done after it was taken back: so that is looked at once more. */
const lookAgainAfterMs = 1_000;
/** A run that comes next, or `recover`, may hold the fleet; what is broken shall not wait for long. */
const lockWithinMs = 3_000;

/**
 * Watches over the run that the parent tells of, until it says that this has ended, or is gone.
 * @param runtimeNamed loads a runtime by its name
 */
export function serveWatchdog(runtimeNamed: (name: Runtime["name"]) => Runtime | Promise<Runtime>): void {
  // It ends when the engine does: a signal that is meant for all must not take it first.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  let watch: Watch | undefined;
  process.on("message", (message: ToWatchdog) => {
    switch (message.kind) {
      case "watch": {
        void begin(message.orders);
        break;
      }
      case "beat":
        watch?.beat();
        tellEngine({ kind: "heard", beat: message.beat });
        break;
      case "end":
        process.exit();
    }
  });
  /** A rejection ends the process: then the engine, which waits for it, breaks nothing. */
  async function begin(orders: WatchdogOrders): Promise<void> {
    const runtime = await runtimeNamed(orders.runtime);
    watch = new Watch(orders, { runtime, target: parseTarget(orders.target.document, orders.target.file) });
    tellEngine({ kind: "ready" });
  }
  process.on("disconnect", () => {
    const over = watch === undefined ? Promise.resolve() : watch.engineIsGone();
    // Whatever hangs must not keep it.
    void over.finally(() => process.exit());
  });
}

class Watch {
  readonly #journal: string;
  readonly #fleet: BrokenFleet;
  #missedTicks = 0;
  /** One after the other. */
  #deeds: Promise<void> = Promise.resolve();

  constructor({ journal, tickMs = defaultTickMs }: WatchdogOrders, fleet: BrokenFleet) {
    this.#journal = journal;
    this.#fleet = fleet;
    setInterval(() => {
      this.#missedTicks += 1;
      if (this.#missedTicks !== leaseTicks) return;
      const why = `the engine did not tell of itself for ${(leaseTicks * tickMs) / 1_000} s`;
      // The engine has the fleet's lock, and what is on edges ends with the proxy's leases, which count what it did.
      this.#enqueue(() => this.#takeOver(why, ({ undo }) => undo.kind !== "end-lease"));
    }, tickMs);
  }

  beat(): void {
    this.#missedTicks = 0;
  }

  engineIsGone(): Promise<void> {
    this.#missedTicks = Infinity; // it will not come back
    this.#enqueue(() => this.#takeOver("the engine is gone", () => true, lockOf(this.#fleet)));
    return this.#deeds;
  }

  #enqueue(deed: () => Promise<void>): void {
    this.#deeds = this.#deeds.then(deed).catch((error: unknown) => log("error", messageOf(error)));
  }

  /** What it took back itself an engine that went on may have broken again. */
  #pending(): readonly PendingUndo[] {
    const { lines } = readJournal(this.#journal);
    return pendingUndos(lines.filter((line) => line.event !== "fault-undone" || line.by !== "watchdog"));
  }

  async #takeOver(
    why: string,
    isMine: (undo: PendingUndo) => boolean,
    lock: () => Promise<AsyncDisposable | undefined> = () => Promise.resolve(undefined),
  ): Promise<void> {
    const pending = (): readonly PendingUndo[] => this.#pending().filter(isMine);
    if (pending().length === 0) return;
    tellEngine({ kind: "took-over", why });
    log("warn", why);
    // Not before: the engine may have been cut off in a line, which is ended now.
    using journal = openJournal(this.#journal);
    // Before the lock, for `recover` to know whom to wait for.
    journal.write({ event: "watchdog-took-over", why });
    await using _lock = await lock();
    const write = journal.write.bind(journal);
    const owed = pending();
    const taken = await this.#takeBack(owed, write);
    for (const { owed: undo, outcome } of taken)
      if ("became" in outcome) log("info", `${undo.fault}: ${outcome.became}`);
      else log("error", `${undo.fault}: ${outcome.failure}`);
    tellEngine({ kind: "taken-back" });
    if (process.connected) return;
    await systemClock.sleep(lookAgainAfterMs);
    await this.#takeBack(owed, (event) => {
      if (event.event === "undo-failed") write(event);
    });
  }

  #takeBack(
    owed: readonly PendingUndo[],
    write: (event: JournalEvent) => void,
  ): Promise<readonly TakenBack[]> {
    return takeBackAll(
      owed.map((one) => ({ ...one, write })),
      { ...this.#fleet, by: "watchdog" },
    );
  }
}

/** Takes the lock of a fleet that nobody uses; goes without where somebody does, and goes on to. */
function lockOf({ runtime, target }: BrokenFleet): () => Promise<AsyncDisposable | undefined> {
  const options = { what: "the lock of the fleet", withinMs: lockWithinMs };
  return () => waitAtMost(options, () => runtime.lock(target, "watchdog of a run that died"));
}

/** If it is still there. */
function tellEngine(message: FromWatchdog): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function log(level: "info" | "warn" | "error", msg: string): void {
  process.stdout.write(`${JSON.stringify({ level, time: Date.now(), msg })}\n`);
}
