import { Counter, Gauge, type OpenMetricsContentType, type Registry } from "prom-client";
import type { ReceiverStats } from "./receiver-tally.ts";

/** What the span receiver's metrics are made of. */
export type ReceiverFigures = Omit<ReceiverStats, "refusedBecause" | "sinkError">;

/**
 * Adds the metrics of a span receiver: its own, or those that another process was told of it.
 * @param figures nothing where it has told nothing yet
 */
export function addReceiverMetrics(
  registry: Registry<OpenMetricsContentType>,
  figures: () => ReceiverFigures | undefined,
): void {
  const registers = [registry];
  const counter = (name: string, help: string, count: (told: ReceiverFigures) => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        const told = figures();
        this.reset();
        if (told !== undefined) this.inc(count(told));
      },
    });
  };
  const counters = (
    name: string,
    help: string,
    label: string,
    counts: (told: ReceiverFigures) => Readonly<Record<string, number>>,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        const told = figures();
        this.reset();
        for (const [value, count] of Object.entries(told === undefined ? {} : counts(told)))
          this.inc({ [label]: value }, count);
      },
    });
  };

  counters(
    "squall_receiver_spans_total",
    "Spans that the receiver took, by the service that sent them.",
    "service",
    ({ services }) => Object.fromEntries(Object.entries(services).map(([name, { spans }]) => [name, spans])),
  );
  counter(
    "squall_receiver_dropped_spans_total",
    "Spans that the receiver could not keep, or had no file for.",
    ({ dropped }) => dropped,
  );
  counter(
    "squall_receiver_rejected_spans_total",
    "Spans that cannot be placed in a trace, of requests that were taken.",
    ({ rejected }) => rejected,
  );
  counters(
    "squall_receiver_requests_total",
    "Requests with spans that came, by what became of them.",
    "outcome",
    ({ requests, duplicates, refused }) => ({ taken: requests, duplicate: duplicates.requests, refused }),
  );
  counter(
    "squall_receiver_bytes_total",
    "Bytes of the requests that were taken, after decompression.",
    ({ bytes }) => bytes,
  );
  counters(
    "squall_receiver_forwarded_spans_total",
    "Spans that were to be passed on to another endpoint, by what became of them.",
    "outcome",
    ({ forward }) =>
      forward === undefined
        ? {}
        : { sent: forward.sent.spans, failed: forward.failed.spans, dropped: forward.dropped.spans },
  );
  new Gauge({
    name: "squall_receiver_forward_waiting_requests",
    help: "Requests that wait to be passed on.",
    registers,
    collect() {
      this.set(figures()?.forward?.waitingRequests ?? 0);
    },
  });
}
