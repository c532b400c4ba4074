import { z } from "zod";
import type { TraceRequest } from "./otlp/trace-request.ts";
import { forwardStatsSchema } from "./span-forward.ts";

const serviceStatsSchema = z.object({
  spans: z.number().int(),
  /** Of what it sent, after decompression; of a JSON request for several services, each one's share by spans. */
  bytes: z.number().int(),
  /** By the receiver's clock, epoch. */
  firstReceivedAtMs: z.number(),
  lastReceivedAtMs: z.number(),
  /** What the service says it left out of its spans, their events and links, because a limit was reached. */
  droppedAttributes: z.number().int(),
  droppedEvents: z.number().int(),
  droppedLinks: z.number().int(),
});
export type ServiceStats = Readonly<z.output<typeof serviceStatsSchema>>;

export const receiverStatsSchema = z.object({
  /** Since the receiver started, with those that were dropped. */
  spans: z.number().int(),
  /** That were taken. */
  requests: z.number().int(),
  /** Of bodies, after decompression. */
  bytes: z.number().int(),
  /** Spans that came while there was no sink, or that could not be written. */
  dropped: z.number().int(),
  /** Spans of requests that were taken that cannot be placed in a trace: they are not among `spans`. */
  rejected: z.number().int(),
  /** Requests that are the same, byte for byte, as one that was written a little before: they are not written again. */
  duplicates: z.object({ requests: z.number().int(), spans: z.number().int() }),
  /** Requests that were answered with an error: malformed, too large, or of another type. */
  refused: z.number().int(),
  /** Why, the last time. */
  refusedBecause: z.string().optional(),
  /** By `service.name`. */
  services: z.record(z.string(), serviceStatsSchema),
  /** Why spans could not be written, the last time they could not. */
  sinkError: z.string().optional(),
  /** Where to and how, while requests are forwarded. */
  forward: forwardStatsSchema.optional(),
});
export type ReceiverStats = Readonly<z.output<typeof receiverStatsSchema>>;

export interface ReceiverTally {
  readonly stats: ReceiverStats;
  take(request: TraceRequest, sizeBytes: number, atMs: number): void;
  /** Spans of a request that was taken, and not written. */
  drop(spans: number, error?: string): void;
  duplicate(spans: number): void;
  refuse(because: string): void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function createTally(): ReceiverTally {
  const services = new Map<string, Mutable<ServiceStats>>();
  const counts = { spans: 0, requests: 0, bytes: 0, dropped: 0, rejected: 0, refused: 0 };
  const duplicates = { requests: 0, spans: 0 };
  let sinkError: string | undefined;
  let refusedBecause: string | undefined;
  return {
    get stats() {
      return {
        ...counts,
        duplicates: { ...duplicates },
        services: Object.fromEntries([...services].map(([name, service]) => [name, { ...service }])),
        ...(refusedBecause === undefined ? {} : { refusedBecause }),
        ...(sinkError === undefined ? {} : { sinkError }),
      };
    },
    take({ batches, rejected }, sizeBytes, atMs) {
      counts.requests += 1;
      counts.bytes += sizeBytes;
      counts.rejected += rejected?.spans ?? 0;
      for (const batch of batches) {
        const service = services.get(batch.service) ?? {
          spans: 0,
          bytes: 0,
          firstReceivedAtMs: atMs,
          lastReceivedAtMs: atMs,
          droppedAttributes: 0,
          droppedEvents: 0,
          droppedLinks: 0,
        };
        services.set(batch.service, service);
        counts.spans += batch.spans;
        service.spans += batch.spans;
        service.bytes += batch.sizeBytes;
        service.lastReceivedAtMs = atMs;
        service.droppedAttributes += batch.droppedAttributes;
        service.droppedEvents += batch.droppedEvents;
        service.droppedLinks += batch.droppedLinks;
      }
    },
    drop(spans, error) {
      counts.dropped += spans;
      if (error !== undefined) sinkError = error;
    },
    duplicate(spans) {
      duplicates.requests += 1;
      duplicates.spans += spans;
    },
    refuse(because) {
      counts.refused += 1;
      refusedBecause = because;
    },
  };
}
