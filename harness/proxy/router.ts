import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { messageOf } from "../base/errors.ts";
import { ApiError } from "./api-error.ts";

/** A request as a handler sees it. */
export interface Call {
  /** Names out of the path, decoded; those that the path does not have are empty. */
  readonly names: { readonly proxy: string; readonly toxic: string; readonly lease: string };
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  /** A text as it is, all else as JSON; none: an empty answer. */
  readonly body?: unknown;
  /** @default "application/json" */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes over the response, whose head is sent, instead of a body. */
  readonly stream?: (response: ServerResponse) => void;
}

export type Handler = (call: Call) => Answer | Promise<Answer>;

/** A path, `/proxies/:proxy`, and what answers each method there; HEAD is GET without the body. */
export interface Route {
  readonly path: string;
  readonly GET?: Handler;
  readonly POST?: Handler;
  readonly PUT?: Handler;
  readonly PATCH?: Handler;
  readonly DELETE?: Handler;
}

const largestBodyBytes = 1_024 * 1_024;

/** A body that is too large is read on without being kept, so that its sender gets to the answer; up to here. */
const patienceBytes = 16 * largestBodyBytes;

/**
 * Answers requests by routes, as Toxiproxy does: an unknown path is a plain-text 404, an unknown method an empty 405, a
 * refusal `{"error", "status"}`. A slash too many does no harm.
 * @param refuse asked first: an answer for those who may not ask at all
 */
export function answerBy(
  routes: readonly Route[],
  refuse: (request: IncomingMessage) => Answer | undefined,
): RequestListener {
  const matchers = routes.map((route) => ({ route, match: matcher(route.path) }));
  return (request, response) => {
    handle(request)
      .catch((error: unknown): Answer => {
        const status = error instanceof ApiError ? error.status : 500;
        return { status, body: { error: messageOf(error), status } };
      })
      .then((answer) => send(request, response, answer))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };

  async function handle(request: IncomingMessage): Promise<Answer> {
    const refused = refuse(request);
    if (refused) return refused;
    const [target = "", query = ""] = (request.url ?? "").split(/\?(.*)/s);
    const path = target.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
    for (const { route, match } of matchers) {
      const names = match(path);
      if (!names) continue;
      const handler = handlerOf(route, request.method);
      if (!handler) return { status: 405 };
      const { headers } = request;
      return handler({ names, headers, query: new URLSearchParams(query), body: await bodyOf(request) });
    }
    return { status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n" };
  }
}

function handlerOf(route: Route, method = ""): Handler | undefined {
  switch (method) {
    case "HEAD":
      return route.GET;
    case "GET":
    case "POST":
    case "PUT":
    case "PATCH":
    case "DELETE":
      return route[method];
    default:
      return undefined;
  }
}

function matcher(path: string): (given: string) => Call["names"] | undefined {
  const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
  return (given) => {
    const match = pattern.exec(given);
    if (!match) return undefined;
    try {
      const { proxy = "", toxic = "", lease = "" } = match.groups ?? {};
      return {
        proxy: decodeURIComponent(proxy),
        toxic: decodeURIComponent(toxic),
        lease: decodeURIComponent(lease),
      };
    } catch {
      return undefined; // a stray "%" names nothing
    }
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > patienceBytes) request.socket.destroy();
    if (sizeBytes <= largestBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (sizeBytes > largestBodyBytes)
    throw new ApiError(413, `bad request body: expected at most ${largestBodyBytes} bytes`);
  return Buffer.concat(chunks).toString("utf8");
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, body, contentType = "application/json", headers = {}, stream } = answer;
  response.statusCode = status;
  response.setHeader("x-content-type-options", "nosniff");
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined && stream === undefined) return void response.end();
  response.setHeader("content-type", contentType);
  if (stream !== undefined && request.method !== "HEAD") return stream(response);
  response.end(typeof body === "string" ? body : body === undefined ? "" : `${JSON.stringify(body)}\n`);
}
