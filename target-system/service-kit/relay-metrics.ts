import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Owed } from "./outbox.ts";

export interface RelayMetrics {
  /** @param delayMs since the event was appended */
  attempted(subscriber: string, outcome: AttemptOutcome, delayMs: number): void;
  owed(owed: readonly Owed[]): void;
}

type AttemptOutcome = "delivered" | "refused" | "unanswered";

export function createRelayMetrics(registry: Registry, subscribers: readonly string[]): RelayMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: "outbox_delivery_attempts_total",
    help: "Attempts to deliver an event to a subscriber, by what came of it; deliveries are those with outcome delivered.",
    labelNames: ["subscriber", "outcome"] as const,
    registers,
  });
  for (const subscriber of subscribers)
    for (const outcome of ["delivered", "refused", "unanswered"] satisfies AttemptOutcome[])
      attempts.inc({ subscriber, outcome }, 0);
  const delay = new Histogram({
    name: "outbox_delivery_delay_seconds",
    help: "From the commit of an event's transaction until a subscriber had taken it, in seconds: the outbox's lag.",
    labelNames: ["subscriber"] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const undelivered = new Gauge({
    name: "outbox_undelivered_events",
    help: "Events that a subscriber has not taken, as counted within the last second or two. The same at every replica.",
    labelNames: ["subscriber"] as const,
    registers,
  });
  let owedSinceMs: ReadonlyMap<string, number> = new Map();
  new Gauge({
    name: "outbox_oldest_undelivered_seconds",
    help: "Age of the oldest event that a subscriber has not taken, in seconds; 0 where it has taken all. The same at every replica.",
    labelNames: ["subscriber"] as const,
    registers,
    // Not asked of the database here: metrics are there without it, too, and what is owed grows older meanwhile.
    collect() {
      for (const subscriber of subscribers) {
        const sinceMs = owedSinceMs.get(subscriber);
        this.set({ subscriber }, sinceMs === undefined ? 0 : (performance.now() - sinceMs) / 1_000);
      }
    },
  });
  return {
    attempted(subscriber, outcome, delayMs) {
      attempts.inc({ subscriber, outcome });
      if (outcome === "delivered") delay.observe({ subscriber }, delayMs / 1_000);
    },
    owed(owed) {
      const nowMs = performance.now();
      owedSinceMs = new Map(
        owed
          .filter(({ oldestMs }) => oldestMs > 0)
          .map(({ subscriber, oldestMs }) => [subscriber, nowMs - oldestMs]),
      );
      for (const { subscriber, events } of owed) undelivered.set({ subscriber }, events);
    },
  };
}
