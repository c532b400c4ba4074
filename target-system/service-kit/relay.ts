import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { Bell } from "./bell.ts";
import type { Callee } from "./callee.ts";
import type { Delivery, Outbox } from "./outbox.ts";
import { Pace } from "./pace.ts";
import { pause } from "./pause.ts";
import { createRelayMetrics, type RelayMetrics } from "./relay-metrics.ts";
import { sendSpan } from "./tracing/messaging.ts";
import { inLinkedTrace } from "./tracing/trace-link.ts";

/**
 * Brings events from the outbox to their subscribers, at least once each, and each stream's in order; a subscriber knows an
 * event by its id. Each subscriber has a loop, lanes and a pace of its own, so that one that is slow or away holds up
 * nobody else; nor does an event that is not taken hold up other streams:
 *
 *   NOTIFY, or a second gone by ─▶ claim ─▶ POST /events, a lane each ─▶ delivered | due again later
 *                                    ▲                                        │
 *                                    └──── written down, as many as there are ┘
 */
export interface Subscriber {
  readonly name: string;
  readonly callee: Callee;
}

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly subscribers: readonly Subscriber[];
  /** The span attribute that names a stream: "shop.order.id". */
  readonly streamAttribute: string;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly signal: AbortSignal;
}

const lanes = 16;
/** For what no NOTIFY told: of a listener that is not connected, of another relay that died, of what is due again. */
const sweepEveryMs = 1_000;
const deadlineMs = 2_000;
/** Outlives a delivery and the writing down of it. */
const leaseMs = 5_000;
const firstBackoffMs = 100;
/** Trouble passes. */
const mostBackoffMs = 2_000;
/** A refusal mostly stands until somebody mends the one side or the other. */
const mostBackoffOfRefusedMs = 30_000;
/** What everybody was told is kept for a day, for who wants to know what was told. */
const keptMs = 24 * 3_600_000;
const forgetEveryMs = 30_000;
const forgottenAtOnce = 1_000;

/** Relays to all subscribers until the signal aborts. @returns resolves when what was under way then has ended */
export async function startRelay(options: RelayOptions): Promise<void> {
  const { outbox, subscribers, metrics, signal } = options;
  const told = createRelayMetrics(
    metrics,
    subscribers.map(({ name }) => name),
  );
  const relays = subscribers.map((subscriber) => relayTo(subscriber, options, told));
  const wakeAll = (): void => {
    for (const { wake } of relays) wake();
  };
  outbox.listen(wakeAll, signal);
  signal.addEventListener("abort", wakeAll, { once: true });
  void keepHouse(options, told);
  await Promise.all(relays.map(({ ended }) => ended));
}

/** The loop of one subscriber. */
interface Relay {
  readonly wake: () => void;
  readonly ended: Promise<void>;
}

/** What became of an attempt. `refused`: the answer was no. `unanswered`: not now, or nothing was heard. */
type Attempt = { readonly delivery: Delivery; readonly outcome: "delivered" | "refused" | "unanswered" };

function relayTo(subscriber: Subscriber, options: RelayOptions, told: RelayMetrics): Relay {
  const { outbox, log, signal } = options;
  const { name } = subscriber;
  const bell = new Bell();
  const pace = new Pace({ lanes, firstPauseMs: firstBackoffMs, mostPauseMs: sweepEveryMs });
  let underWay = 0;
  let done: Attempt[] = [];
  /** Whether there may be something to claim. */
  let isDue = true;
  let dueAgainAtMs = Number.POSITIVE_INFINITY;

  const ended = (async () => {
    while (!signal.aborted || underWay + done.length > 0) {
      try {
        await writeDown();
        if (performance.now() >= dueAgainAtMs) {
          isDue = true;
          dueAgainAtMs = Number.POSITIVE_INFINITY;
        }
        const room = signal.aborted ? 0 : pace.room(underWay);
        if (isDue && room > 0) {
          isDue = false;
          const claimed = await outbox.claim(name, room, leaseMs);
          if (claimed.length === room) isDue = true;
          for (const delivery of claimed) void begin(delivery);
        }
      } catch (error) {
        log.warn({ err: error, subscriber: name }, "the relay could not reach its outbox");
        if (signal.aborted) return;
      }
      const dueAgainInMs = Math.max(0, dueAgainAtMs - performance.now());
      const wasRung = await bell.wait(
        Math.min(sweepEveryMs, dueAgainInMs, pace.pauseLeftMs() || sweepEveryMs),
      );
      if (!wasRung) isDue = true;
    }
  })();
  return {
    wake() {
      isDue = true;
      bell.ring();
    },
    ended,
  };

  async function begin(delivery: Delivery): Promise<void> {
    underWay += 1;
    const begunMs = performance.now();
    const outcome = await attempt(delivery, subscriber, options);
    if (outcome === "unanswered") pace.troubled();
    else pace.answered();
    told.attempted(name, outcome, delivery.ageMs + performance.now() - begunMs);
    done.push({ delivery, outcome });
    underWay -= 1;
    bell.ring();
  }

  /** What could not be written down is written down later; that somebody gets an event again is no harm. */
  async function writeDown(): Promise<void> {
    const attempts = [...done]; // more may end meanwhile
    const delivered = attempts.filter(({ outcome }) => outcome === "delivered");
    const later = attempts
      .filter(({ outcome }) => outcome !== "delivered")
      .map((attempted) => ({ ...attempted.delivery, againInMs: backoffMs(attempted) }));
    const isMore = await outbox.delivered(
      name,
      delivered.map(({ delivery }) => delivery),
    );
    if (isMore) isDue = true;
    await outbox.postpone(name, later);
    for (const { againInMs } of later) dueAgainAtMs = Math.min(dueAgainAtMs, performance.now() + againInMs);
    done = done.slice(attempts.length);
  }
}

function backoffMs({ delivery: { attempts }, outcome }: Attempt): number {
  const mostMs = outcome === "refused" ? mostBackoffOfRefusedMs : mostBackoffMs;
  return Math.min(mostMs, firstBackoffMs * 2 ** (attempts - 1)) * (0.5 + Math.random() / 2);
}

/** Never rejects. */
async function attempt(
  { eventId, type, stream, payload, attempts, traceparent, baggage }: Delivery,
  { name, callee }: Subscriber,
  { streamAttribute, log }: RelayOptions,
): Promise<Attempt["outcome"]> {
  const span = sendSpan({ id: eventId, type, destination: name, attempts });
  const named = { ...span, attributes: { ...span.attributes, [streamAttribute]: stream } };
  try {
    await inLinkedTrace(named, { traceparent, baggage }, async () => {
      try {
        // Not tried again here: the outbox is what tries again.
        const request = { method: "POST", path: "/events", body: payload, deadlineMs } as const;
        const { status } = await callee.call({ ...request, isIdempotent: false });
        if (status < 200 || status >= 300) throw new NotTaken(name, status);
      } catch (error) {
        log.warn(
          { err: error, subscriber: name, eventId, [streamAttribute]: stream, attempts },
          "an event was not delivered yet",
        );
        throw error;
      }
    });
    return "delivered";
  } catch (error) {
    return error instanceof NotTaken && error.status < 500 ? "refused" : "unanswered";
  }
}

class NotTaken extends Error {
  override readonly name = "NotTaken";
  readonly status: number;

  constructor(subscriber: string, status: number) {
    super(`${subscriber} answered ${status}`);
    this.status = status;
  }
}

/** Measures what is owed, and forgets what was told long ago. */
async function keepHouse(options: RelayOptions, told: RelayMetrics): Promise<void> {
  const { outbox, subscribers, log, signal } = options;
  const names = subscribers.map(({ name }) => name);
  let forgetAtMs = performance.now() + forgetEveryMs * Math.random(); // not all replicas at once
  while (!signal.aborted) {
    try {
      told.owed(await outbox.owed(names));
      if (performance.now() >= forgetAtMs) {
        let isMore = true;
        while (isMore && !signal.aborted) isMore = await outbox.forget(keptMs, forgottenAtOnce);
        forgetAtMs = performance.now() + forgetEveryMs;
      }
    } catch (error) {
      log.info({ err: error }, "the outbox was not looked after");
    }
    await pause(sweepEveryMs, signal);
  }
}
