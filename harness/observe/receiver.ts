import type { IncomingMessage, ServerResponse } from "node:http";
import { isAbsolute } from "node:path";
import { Registry, type OpenMetricsContentType } from "prom-client";
import { z } from "zod";
import { formatAddress, type Address } from "../base/address.ts";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { jsonIn } from "../base/json.ts";
import { listen } from "../base/listen.ts";
import { createServer } from "../base/node-http.ts";
import { contentTypes, encodingOf, errorAnswer, exportAnswer, type Encoding } from "./otlp/export-answer.ts";
import { readJsonRequest } from "./otlp/json-request.ts";
import { TraceDecoder } from "./otlp/trace-decoder.ts";
import { MalformedRequest, type TraceRequest } from "./otlp/trace-request.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { addReceiverMetrics } from "./receiver-metrics.ts";
import { createTally, type ReceiverStats } from "./receiver-tally.ts";
import { RecentBodies } from "./recent-bodies.ts";
import { Refused, readBody } from "./request-body.ts";
import { forwardText, startForward, type ForwardStats, type SpanForward } from "./span-forward.ts";
import { nextLineHeader, spanQueue, type SpanQueue } from "./span-queue.ts";
import { fileSink, type SpanSink } from "./span-sink.ts";

/**
 * The receiver of the fleet's spans: OTLP over HTTP in protobuf or JSON, each request appended as one line of OTLP/JSON to
 * the file of the run that is going on. Such a file loads into Jaeger's UI by upload.
 *
 *   services ─POST /v1/traces→ receiver ─┬→ sink (traces.otlp.jsonl, or a queue), or dropped while there is none
 *                                        └→ another endpoint, as it came, while there is one to forward to
 *   engine   ─PUT /sink, GET /queue, PUT /forward, GET /stats, POST /flush→
 *   Prometheus ─GET /metrics→
 *
 * It shares the machine with the fleet that it watches, so a body is read once (`otlp/`): to count, to refuse what is none,
 * and from protobuf to write the line.
 */
export interface Receiver extends AsyncDisposable {
  readonly address: Address;
  /** Base URL of both sides. */
  readonly url: string;
  readonly stats: ReceiverStats;
}

export interface ReceiverOptions {
  /** @default 127.0.0.1 and a free port */
  readonly listen?: Address;
  /** Told of what was forwarded, when that ends with the receiver. */
  readonly onEnd?: (told: string) => void;
  /** How many bytes of spans may wait for an engine that fetches them. @default 32 MB */
  readonly queueLimitBytes?: number;
}

/** Longer than the pause between two exports, so that a sender's connection is not closed under its next request. */
const keepAliveMs = 65_000;
const stopWithinMs = 1_000;
/** For what waits to be forwarded, when forwarding ends; with the receiver itself, which is given a second to end. */
const forwardEndWithinMs = 5_000;
const lastForwardWithinMs = 600;

/** @throws {SQUALL_PORT_IN_USE} when the port is taken */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const tally = createTally();
  let sink: SpanSink | undefined;
  let queue: SpanQueue | undefined;
  const written = new RecentBodies();
  const decoder = new TraceDecoder();
  const over = new AbortController();
  let forward: SpanForward | undefined;
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  addReceiverMetrics(registry, stats);
  addProcessMetrics(registry);

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    answer(request, gone.signal).then(
      (given) => respond(response, given),
      (error: unknown) => respond(response, refusalOf(error)),
    );
  });
  const address = await listen(server, options.listen ?? { host: "127.0.0.1", port: 0 });

  return {
    address,
    url: `http://${formatAddress(address)}`,
    get stats() {
      return stats();
    },
    async [Symbol.asyncDispose]() {
      const force = setTimeout(() => server.closeAllConnections(), stopWithinMs);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        over.abort(); // whoever waits for lines is answered
        server.closeIdleConnections();
      });
      clearTimeout(force);
      closeSink();
      const forwarded = await forward?.end(lastForwardWithinMs);
      if (forwarded !== undefined) options.onEnd?.(forwardText(forwarded));
    },
  };

  /** @param gone aborts when nobody is there any more to be answered */
  async function answer(request: IncomingMessage, gone: AbortSignal): Promise<Answer> {
    const [path = "", query] = (request.url ?? "").split("?", 2);
    switch (`${request.method} ${path}`) {
      case "POST /v1/traces":
        return receive(request);
      case "PUT /sink":
        return asJson(200, openSink((await readBody(request)).content));
      case "GET /queue":
        return readQueue(new URLSearchParams(query), gone);
      case "PUT /forward":
        return asJson(200, { ended: await setForward((await readBody(request)).content) });
      case "GET /stats":
        return asJson(200, stats());
      case "GET /metrics":
        return { status: 200, type: registry.contentType, body: Buffer.from(await registry.metrics()) };
      case "POST /flush":
        sink?.flush();
        return { status: 204 };
      default:
        throw new Refused(
          404,
          "expected POST /v1/traces, PUT /sink, GET /queue, PUT /forward, GET /stats, GET /metrics or POST /flush",
        );
    }
  }

  async function receive(request: IncomingMessage): Promise<Answer> {
    const type = request.headers["content-type"] ?? contentTypes.json;
    const encoding = encodingOf(type);
    try {
      if (encoding === undefined)
        throw new Refused(
          415,
          `expected OTLP as ${contentTypes.protobuf} or ${contentTypes.json}, got ${type}`,
        );
      const { sent, content } = await readBody(request);
      const { spans, rejected } = take(sent, content, encoding);
      const contentEncoding = request.headers["content-encoding"];
      if (spans > 0) forward?.offer({ contentType: type, contentEncoding, body: sent, spans });
      return { status: 200, type: contentTypes[encoding], body: exportAnswer(encoding, rejected) };
    } catch (error) {
      const refusal = refusalOf(error);
      tally.refuse(refusal.why);
      const asked = encoding ?? "json";
      return { ...refusal, type: contentTypes[asked], body: errorAnswer(asked, refusal.why) };
    }
  }

  /** @returns how many spans came for the first time, and what could not be kept */
  function take(sent: Buffer, content: Buffer, encoding: Encoding): Taken {
    const request = encoding === "json" ? readJsonRequest(content) : decoder.decode(content);
    const spans = request.batches.reduce((sum, batch) => sum + batch.spans, 0);
    if (written.has(sent)) {
      tally.duplicate(spans);
      return { spans: 0, rejected: request.rejected };
    }
    tally.take(request, content.length, systemClock.nowMs());
    if (spans === 0 || sink === undefined) {
      tally.drop(spans);
      return { spans, rejected: request.rejected };
    }
    try {
      sink.write(request.line, spans);
      written.add(sent);
      return { spans, rejected: request.rejected };
    } catch (error) {
      const why = `cannot write: ${messageOf(error)}`;
      tally.drop(spans, messageOf(error));
      return { spans, rejected: { spans: spans + (request.rejected?.spans ?? 0), why } };
    }
  }

  /** @returns what was forwarded before */
  async function setForward(body: Buffer): Promise<ForwardStats | null> {
    const { to } = parseForward(body);
    const before = forward;
    forward = to === null ? undefined : startForward(to);
    return before === undefined ? null : before.end(forwardEndWithinMs);
  }

  function stats(): ReceiverStats {
    return forward === undefined ? tally.stats : { ...tally.stats, forward: forward.stats };
  }

  /** Takes the place of the one before, which stays when this one cannot be opened. */
  function openSink(body: Buffer): SinkWanted {
    const wanted = parseSink(body);
    try {
      const opened = open(wanted);
      closeSink();
      sink = opened;
    } catch (error) {
      throw new Refused(400, `cannot open the sink: ${messageOf(error)}`);
    }
    written.clear();
    return wanted;
  }

  function open(wanted: SinkWanted): SpanSink | undefined {
    if ("file" in wanted) return wanted.file === null ? undefined : fileSink(wanted.file);
    const opened = spanQueue(wanted.queue, options.queueLimitBytes);
    queue = opened;
    return opened;
  }

  function closeSink(): void {
    const lost = sink?.close() ?? 0;
    if (lost > 0) tally.drop(lost, "nobody fetched them");
    sink = undefined;
  }

  async function readQueue(query: URLSearchParams, gone: AbortSignal): Promise<Answer> {
    const { name, after, wait } = parseRead(query);
    if (queue === undefined || queue !== sink || queue.name !== name)
      throw new Refused(404, `no queue ${name} is open`);
    const { lines, next } = await queue.read(
      after,
      AbortSignal.any([over.signal, gone, AbortSignal.timeout(wait)]),
    );
    return { ...asJsonLines(lines), headers: { [nextLineHeader]: String(next) } };
  }
}

interface Taken {
  readonly spans: number;
  readonly rejected: TraceRequest["rejected"];
}

interface Answer {
  readonly status: number;
  /** Its content type. */
  readonly type?: string;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function asJson(status: number, body: unknown): Answer {
  return { status, type: contentTypes.json, body: Buffer.from(JSON.stringify(body)) };
}

function refusalOf(error: unknown): Answer & { readonly why: string } {
  const why = messageOf(error);
  const status = error instanceof Refused ? error.status : error instanceof MalformedRequest ? 400 : 500;
  return { ...asJson(status, { error: why }), why };
}

function asJsonLines(lines: readonly Buffer[]): Answer {
  return { status: 200, type: contentTypes.json, body: Buffer.concat(lines) };
}

function respond(response: ServerResponse, { status, type, body, headers }: Answer): void {
  if (body === undefined || type === undefined) return void response.writeHead(status).end();
  response
    .writeHead(status, {
      "content-type": type,
      "content-length": body.length,
      ...headers,
      // What is left of a refused body is not read: the connection cannot be used again.
      ...(status === 413 ? { connection: "close" } : {}),
    })
    .end(body);
}

const sinkSchema = z.union([
  z.strictObject({
    file: z.string().refine(isAbsolute, { error: "expected an absolute path" }).nullable(),
  }),
  z.strictObject({ queue: z.string().min(1) }),
]);
type SinkWanted = z.output<typeof sinkSchema>;

function parseSink(body: Buffer): SinkWanted {
  const parsed = sinkSchema.safeParse(jsonIn(body.toString("utf8")));
  if (!parsed.success)
    throw new Refused(400, 'expected {"file": an absolute path or null} or {"queue": a name}');
  return parsed.data;
}

/** Longer than nobody should have to wait to learn that nothing came. */
const longestWaitMs = 30_000;

const readSchema = z.object({
  name: z.string().min(1),
  after: z.coerce.number().int().nonnegative(),
  wait: z.coerce.number().int().nonnegative().max(longestWaitMs),
});

function parseRead(query: URLSearchParams): z.output<typeof readSchema> {
  const parsed = readSchema.safeParse(Object.fromEntries(query));
  if (!parsed.success)
    throw new Refused(400, `expected ?name=NAME&after=NUMBER&wait=MILLISECONDS (at most ${longestWaitMs})`);
  return parsed.data;
}

const forwardSchema = z.strictObject({ to: z.url({ protocol: /^https?$/ }).nullable() });

function parseForward(body: Buffer): z.output<typeof forwardSchema> {
  const parsed = forwardSchema.safeParse(jsonIn(body.toString("utf8")));
  if (!parsed.success) throw new Refused(400, 'expected {"to": a URL or null}');
  return parsed.data;
}
