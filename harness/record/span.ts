/** One span of a trace, decoded and flat. Times are epoch milliseconds. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly service: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly statusMessage: string | undefined;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly events: readonly SpanEvent[];
}

/** Something that happened at one moment within a span. */
export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  /** Absent where it has none. */
  readonly attributes?: Span["attributes"];
}
