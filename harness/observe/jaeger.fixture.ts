import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Spans of one service, in OTLP/JSON. */
export interface StoredSpans {
  readonly resource: {
    readonly attributes: readonly {
      readonly key: string;
      readonly value: { readonly stringValue?: string };
    }[];
  };
  readonly scopeSpans: readonly {
    readonly spans: readonly { readonly traceId: string; readonly startTimeUnixNano: string }[];
  }[];
}

export interface FakeJaeger extends AsyncDisposable {
  readonly url: string;
  readonly asked: string[];
}

/**
 * What Jaeger's query server does on `/api/v3/traces`, by its sources (`internal/apiv3`: `http_gateway.go`, `query_parser.go`
 * and their tests' snapshots): parameters by name, RFC 3339 times of which the first must be before the second, whole traces
 * of which a span of the service began in that time, at most `searchDepth` of them, all in one `result`; and errors in
 * `error`, as plain text by their type, "No traces found" among them.
 * @param names of the parameters: those before Jaeger 2.20 or those since
 */
export async function fakeJaeger(
  stored: readonly StoredSpans[],
  names: "snake case" | "camel case" = "camel case",
): Promise<FakeJaeger> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://jaeger");
    asked.push(url.pathname);
    const refuse = (httpCode: number, message: string): void =>
      void response
        .writeHead(httpCode, { "content-type": "text/plain; charset=utf-8" })
        .end(`${JSON.stringify({ error: { httpCode, message } })}\n`);
    const parameter = (camel: string, snake: string): string =>
      url.searchParams.get(names === "camel case" ? camel : snake) ?? "";
    const askedId = /^\/api\/v3\/traces\/([0-9a-f]+)$/.exec(url.pathname)?.[1];
    let ids: readonly string[];
    if (askedId !== undefined) ids = [askedId];
    else if (url.pathname !== "/api/v3/traces") return refuse(404, "404 page not found");
    else {
      const service = parameter("query.serviceName", "query.service_name");
      const [min, max] = [
        Date.parse(parameter("query.startTimeMin", "query.start_time_min")),
        Date.parse(parameter("query.startTimeMax", "query.start_time_max")),
      ];
      const depth = Number(parameter("query.searchDepth", "query.num_traces") || 100);
      if (Number.isNaN(min) || Number.isNaN(max))
        return refuse(400, "query.startTimeMin and query.startTimeMax are required");
      if (min >= max) return refuse(400, "query.startTimeMin must be before query.startTimeMax");
      const found = stored
        .filter((of) => serviceOf(of) === service)
        .flatMap(spansOf)
        .filter(({ startTimeUnixNano }) => {
          const startMs = Number(BigInt(startTimeUnixNano) / 1_000_000n);
          return startMs >= min && startMs < max;
        });
      ids = [...new Set(found.map((span) => span.traceId))].slice(0, depth);
    }
    const resourceSpans = stored.flatMap((of) => {
      const spans = spansOf(of).filter(({ traceId }) => ids.includes(traceId));
      return spans.length === 0 ? [] : [{ resource: of.resource, scopeSpans: [{ scope: {}, spans }] }];
    });
    if (resourceSpans.length === 0) return refuse(404, "No traces found");
    response.writeHead(200).end(JSON.stringify({ result: { resourceSpans } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serviceOf({ resource }: StoredSpans): string | undefined {
  return resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue;
}

function spansOf({ scopeSpans }: StoredSpans): StoredSpans["scopeSpans"][number]["spans"] {
  return scopeSpans.flatMap(({ spans }) => spans);
}
