import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { messageOf } from "../base/errors.ts";
import { ApiError } from "./api-error.ts";

/** A request as a handler sees it. */
export interface Call {
  /** Names out of the path, decoded; those that the path does not have are empty. */
  readonly names: { readonly proxy: string; readonly toxic: string; readonly lease: string };
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON; none: an empty answer. */
  readonly body?: unknown;
  /** @default "application/json" */
  readonly contentType?: string;
}

export type Handler = (call: Call) => Answer | Promise<Answer>;

/** A path, `/proxies/:proxy`, and what answers each method there. */
export interface Route {
  readonly path: string;
  readonly GET?: Handler;
  readonly POST?: Handler;
  readonly PUT?: Handler;
  readonly PATCH?: Handler;
  readonly DELETE?: Handler;
}

const largestBodyBytes = 1_024 * 1_024;

/**
 * Answers requests by routes, as Toxiproxy does: an unknown path is a plain-text 404, an unknown method an empty 405, a
 * browser a 403, a refusal `{"error", "status"}`.
 */
export function answerBy(routes: readonly Route[]): RequestListener {
  const matchers = routes.map((route) => ({ route, match: matcher(route.path) }));
  return (request, response) => {
    handle(request)
      .catch((error: unknown): Answer => {
        const status = error instanceof ApiError ? error.status : 500;
        return { status, body: { error: messageOf(error), status } };
      })
      .then((answer) => send(response, answer))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };

  async function handle(request: IncomingMessage): Promise<Answer> {
    if (request.headers["user-agent"]?.startsWith("Mozilla/"))
      return { status: 403, contentType: "text/plain; charset=utf-8", body: "User agent not allowed\n" };
    const [path = ""] = (request.url ?? "").split("?");
    for (const { route, match } of matchers) {
      const names = match(path);
      if (!names) continue;
      const handler = handlerOf(route, request.method);
      return handler ? handler({ names, body: await bodyOf(request) }) : { status: 405 };
    }
    return { status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n" };
  }
}

function handlerOf(route: Route, method = ""): Handler | undefined {
  switch (method) {
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
    if (sizeBytes > largestBodyBytes)
      throw new ApiError(413, `bad request body: expected at most ${largestBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, body, contentType = "application/json" }: Answer): void {
  response.statusCode = status;
  if (body === undefined) return void response.end();
  response.setHeader("content-type", contentType);
  response.end(typeof body === "string" ? body : `${JSON.stringify(body)}\n`);
}
