import { messageOf } from "../../base/errors.ts";
import { newBatch, unplaced } from "./trace-decoder.ts";
import { MalformedRequest, type SpanBatch, type TraceRequest } from "./trace-request.ts";

/**
 * Reads a trace export request in OTLP/JSON. It is parsed to count and to refuse what is none, and becomes a line as it came,
 * unless spans have to be left out of it.
 * @throws {MalformedRequest}
 */
export function readJsonRequest(body: Buffer): TraceRequest {
  const request = parse(body);
  const batches: SpanBatch[] = [];
  let rejectedSpans = 0;
  try {
    for (const resourceSpans of request?.resourceSpans ?? []) {
      const batch = { ...newBatch(0), service: serviceOf(resourceSpans) };
      addDropped(batch, resourceSpans.resource);
      for (const scopeSpans of resourceSpans.scopeSpans ?? []) {
        addDropped(batch, scopeSpans.scope);
        const { spans } = scopeSpans;
        if (spans === undefined) continue;
        const placed = spans.filter(isPlaced);
        placed.forEach((span) => countSpan(batch, span));
        rejectedSpans += spans.length - placed.length;
        if (placed.length < spans.length) scopeSpans.spans = placed;
      }
      batches.push(batch);
    }
  } catch (error) {
    throw new MalformedRequest(`expected an OTLP export request: ${messageOf(error)}`);
  }
  shareSize(batches, body.length);
  const line = rejectedSpans === 0 ? oneLine(body) : Buffer.from(`${JSON.stringify(request)}\n`);
  return {
    line,
    batches,
    ...(rejectedSpans === 0 ? {} : { rejected: { spans: rejectedSpans, why: unplaced } }),
  };
}

/** As much of a request as counting needs; what is of no use to it may be anything. */
interface JsonRequest {
  readonly resourceSpans?: readonly JsonResourceSpans[];
}

interface JsonResourceSpans {
  readonly resource?: Droppings & {
    readonly attributes?: readonly { readonly key?: unknown; readonly value?: { stringValue?: unknown } }[];
  };
  readonly scopeSpans?: readonly { readonly scope?: Droppings; spans?: readonly JsonSpan[] }[];
}

interface Droppings {
  readonly droppedAttributesCount?: unknown;
}

interface JsonSpan extends Droppings {
  readonly traceId?: unknown;
  readonly spanId?: unknown;
  readonly startTimeUnixNano?: unknown;
  readonly droppedEventsCount?: unknown;
  readonly droppedLinksCount?: unknown;
  readonly events?: readonly Droppings[];
  readonly links?: readonly Droppings[];
}

function parse(body: Buffer): JsonRequest | null {
  try {
    return JSON.parse(body.toString("utf8")) as JsonRequest | null;
  } catch (error) {
    throw new MalformedRequest(`expected JSON: ${messageOf(error)}`);
  }
}

function serviceOf({ resource }: JsonResourceSpans): string {
  const named = resource?.attributes?.find(({ key }) => key === "service.name")?.value?.stringValue;
  return typeof named === "string" ? named : "unknown";
}

function isPlaced({ traceId, spanId, startTimeUnixNano }: JsonSpan): boolean {
  return isId(traceId, 32) && isId(spanId, 16) && Number(startTimeUnixNano) > 0;
}

function isId(id: unknown, digits: number): boolean {
  return typeof id === "string" && id.length === digits && /^[0-9a-f]*$/i.test(id) && /[^0]/.test(id);
}

function countSpan(batch: SpanBatch, span: JsonSpan): void {
  batch.spans += 1;
  addDropped(batch, span);
  batch.droppedEvents += countOf(span.droppedEventsCount);
  batch.droppedLinks += countOf(span.droppedLinksCount);
  for (const event of span.events ?? []) addDropped(batch, event);
  for (const link of span.links ?? []) addDropped(batch, link);
}

function addDropped(batch: SpanBatch, { droppedAttributesCount }: Droppings = {}): void {
  batch.droppedAttributes += countOf(droppedAttributesCount);
}

/** Senders may write a number as text. */
function countOf(told: unknown): number {
  const count = Number(told ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** JSON does not tell how long a part of it was: each has its share by spans. */
function shareSize(batches: readonly SpanBatch[], sizeBytes: number): void {
  const spans = batches.reduce((sum, batch) => sum + batch.spans, 0);
  for (const batch of batches)
    batch.sizeBytes = spans === 0 ? 0 : Math.round((sizeBytes * batch.spans) / spans);
}

/** JSON has line breaks only between its tokens, where a space means the same. */
function oneLine(body: Buffer): Buffer {
  const line = Buffer.concat([body, Buffer.from("\n")]);
  for (const lineBreak of [0x0a, 0x0d])
    for (let at = line.indexOf(lineBreak); at !== -1 && at < body.length; at = line.indexOf(lineBreak, at))
      line[at] = 0x20;
  return line;
}
