import { closeSync, fdatasyncSync, openSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isAbsolute } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import { formatAddress, type Address } from "../base/address.ts";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";

/**
 * The receiver of the fleet's spans: OTLP over HTTP in JSON, each request appended as it came, as one line, to the file
 * of the run that is going on. Such a file loads into Jaeger's UI by upload.
 *
 *   services ─POST /v1/traces→ receiver ─→ sink (traces.otlp.jsonl), or dropped while there is none
 *   engine   ─PUT /sink, GET /stats, POST /flush→
 *
 * It shares the machine with the fleet that it watches, so bodies are parsed once, to count and to refuse what is no
 * JSON, and not written anew while it runs.
 */
export interface Receiver extends AsyncDisposable {
  readonly address: Address;
  /** Base URL of both sides. */
  readonly url: string;
  readonly stats: ReceiverStats;
}

export const receiverStatsSchema = z.object({
  /** Since the receiver started, with those that were dropped. */
  spans: z.number().int(),
  requests: z.number().int(),
  /** Of bodies, after decompression. */
  bytes: z.number().int(),
  /** Spans that came while there was no sink, or that it could not take. */
  dropped: z.number().int(),
  byService: z.record(z.string(), z.number().int()),
  /** Why spans could not be written, the last time they could not. */
  sinkError: z.string().optional(),
});
export type ReceiverStats = Readonly<z.output<typeof receiverStatsSchema>>;

export interface ReceiverOptions {
  /** @default 127.0.0.1 and a free port */
  readonly listen?: Address;
}

const bodyLimitBytes = 8_000_000;
/** Longer than the pause between two exports, so that a sender's connection is not closed under its next request. */
const keepAliveMs = 65_000;
const stopWithinMs = 1_000;

/** @throws {SQUALL_PORT_IN_USE} when the port is taken */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { host, port } = options.listen ?? { host: "127.0.0.1", port: 0 };
  const counters = { spans: 0, requests: 0, bytes: 0, dropped: 0 };
  const byService = new Map<string, number>();
  let sink: { readonly file: string; readonly descriptor: number } | undefined;
  let sinkError: string | undefined;

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    answer(request).then(
      ({ status, body }) => respond(response, status, body),
      (error: unknown) => {
        if (error instanceof Refused) respond(response, error.status, { error: error.message });
        else respond(response, 500, { error: messageOf(error) });
      },
    );
  });
  await listen();
  const bound = server.address();
  const address = { host, port: typeof bound === "object" && bound !== null ? bound.port : port };

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
        server.closeIdleConnections();
      });
      clearTimeout(force);
      closeSink();
    },
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    switch (`${request.method} ${request.url}`) {
      case "POST /v1/traces":
        return receive(request);
      case "PUT /sink":
        return { status: 200, body: openSink(await readBody(request)) };
      case "GET /stats":
        return { status: 200, body: stats() };
      case "POST /flush":
        if (sink !== undefined) fdatasyncSync(sink.descriptor);
        return { status: 204 };
      default:
        throw new Refused(404, "expected POST /v1/traces, PUT /sink, GET /stats or POST /flush");
    }
  }

  async function receive(request: IncomingMessage): Promise<Answer> {
    const type = request.headers["content-type"] ?? "application/json";
    if (!/^application\/json\b/i.test(type))
      throw new Refused(
        415,
        `expected OTLP as application/json, got ${type}: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json`,
      );
    const body = await readBody(request);
    const counted = countSpans(body);
    counters.requests += 1;
    counters.bytes += body.length;
    for (const [service, spans] of counted) {
      counters.spans += spans;
      byService.set(service, (byService.get(service) ?? 0) + spans);
    }
    const spans = [...counted.values()].reduce((sum, count) => sum + count, 0);
    if (spans > 0 && !write(body)) counters.dropped += spans;
    return { status: 200, body: { partialSuccess: {} } };
  }

  function write(body: Buffer): boolean {
    if (sink === undefined) return false;
    try {
      writeFileSync(sink.descriptor, Buffer.concat([toOneLine(body), lineEnd]));
      return true;
    } catch (error) {
      sinkError = messageOf(error);
      return false;
    }
  }

  function openSink(body: Buffer): { readonly file: string | null } {
    const { file } = parseSink(body);
    let descriptor: number | undefined;
    try {
      if (file !== null) descriptor = openSync(file, "a");
    } catch (error) {
      throw new Refused(400, `cannot open the sink: ${messageOf(error)}`);
    }
    closeSink();
    if (file !== null && descriptor !== undefined) sink = { file, descriptor };
    return { file };
  }

  function closeSink(): void {
    if (sink !== undefined) closeSync(sink.descriptor);
    sink = undefined;
  }

  function stats(): ReceiverStats {
    return {
      ...counters,
      byService: Object.fromEntries(byService),
      ...(sinkError === undefined ? {} : { sinkError }),
    };
  }

  async function listen(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      if (systemErrorCode(error) !== "EADDRINUSE") throw error;
      throw new SquallError("SQUALL_PORT_IN_USE", `${host}:${port} is taken by another program`, {
        cause: error,
      });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** A request that is answered with an error. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  if (body === undefined) return void response.writeHead(status).end();
  // What is left of a refused body is not read: the connection cannot be used again.
  const headers = { "content-type": "application/json", ...(status === 413 ? { connection: "close" } : {}) };
  response.writeHead(status, headers).end(JSON.stringify(body));
}

const unzip = promisify(gunzip);

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = `expected a body of at most ${bodyLimitBytes} bytes`;
  if (Number(request.headers["content-length"]) > bodyLimitBytes) throw new Refused(413, tooLarge);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimitBytes) throw new Refused(413, tooLarge);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks, length);
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return body;
  if (encoding !== "gzip") throw new Refused(415, `expected content-encoding gzip or none, got ${encoding}`);
  try {
    return await unzip(body, { maxOutputLength: bodyLimitBytes });
  } catch (error) {
    if (systemErrorCode(error) === "ERR_BUFFER_TOO_LARGE") throw new Refused(413, tooLarge);
    throw new Refused(400, `expected gzip: ${messageOf(error)}`);
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new Refused(400, `expected JSON: ${messageOf(error)}`);
  }
}

const sinkSchema = z.strictObject({
  file: z.string().refine(isAbsolute, { error: "expected an absolute path" }).nullable(),
});

function parseSink(body: Buffer): z.output<typeof sinkSchema> {
  const parsed = sinkSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new Refused(400, 'expected {"file": an absolute path or null}');
  return parsed.data;
}

/** As much of an export request as counting needs; what is of no use to it may be anything. */
interface CountedRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: {
      readonly attributes?: readonly { readonly key?: unknown; readonly value?: { stringValue?: unknown } }[];
    };
    readonly scopeSpans?: readonly { readonly spans?: readonly unknown[] }[];
  }[];
}

/** Spans by service. */
function countSpans(body: Buffer): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  const request = parseJson(body) as CountedRequest | null;
  try {
    for (const { resource, scopeSpans } of request?.resourceSpans ?? []) {
      const named = resource?.attributes?.find(({ key }) => key === "service.name")?.value?.stringValue;
      const service = typeof named === "string" ? named : "unknown";
      for (const { spans } of scopeSpans ?? [])
        counted.set(service, (counted.get(service) ?? 0) + (spans?.length ?? 0));
    }
  } catch (error) {
    throw new Refused(400, `expected an OTLP export request: ${messageOf(error)}`);
  }
  return counted;
}

const lineEnd = Buffer.from("\n");

/** JSON has line breaks only between its tokens, where a space means the same. Changes the body in place. */
function toOneLine(body: Buffer): Buffer {
  for (const lineBreak of [0x0a, 0x0d])
    for (let at = body.indexOf(lineBreak); at !== -1; at = body.indexOf(lineBreak, at)) body[at] = 0x20;
  return body;
}
