/** A trace export request, read once: what is written of it, and what is counted. */
export interface TraceRequest {
  /** As OTLP/JSON on one line, with its line feed. */
  readonly line: Buffer;
  readonly batches: readonly Readonly<SpanBatch>[];
  /** Spans that are not in the line. */
  readonly rejected?: { readonly spans: number; readonly why: string };
}

/** The spans of one resource in a request. */
export interface SpanBatch {
  /** `service.name` of the resource. */
  service: string;
  /** That are in the line. */
  spans: number;
  /** As they came, of the request's own encoding, after decompression. */
  sizeBytes: number;
  /** What the sender says it dropped of resources, scopes, spans, events and links. */
  droppedAttributes: number;
  droppedEvents: number;
  droppedLinks: number;
}

/** What is no trace export request, and why. */
export class MalformedRequest extends Error {}
