import type { Span } from "../record/span.ts";
import { prepareTrace, type PreparedTrace } from "./prepared-trace.ts";
import { span } from "./spans.fixture.ts";
import { createTrace } from "./trace.ts";

/** One trace of these spans, made ready; edges go by who answers, or by `server.address`. */
export function prepared(...spans: readonly Span[]): PreparedTrace {
  return prepareTrace(createTrace(spans[0]?.traceId ?? "t1", spans, "gateway"), new Map());
}

type Given = Partial<Span> & { readonly spanId: string };

/** An HTTP call over an edge, answered with 200 unless given otherwise. */
export function call(given: Given & { readonly to?: string; readonly status?: number | "none" }): Span {
  const { to, status = 200, ...rest } = given;
  return span({
    kind: "client",
    name: "GET",
    isError: status === "none" || status >= 500,
    ...rest,
    attributes: {
      "http.request.method": "GET",
      ...(to === undefined ? {} : { "server.address": to }),
      ...(status === "none" ? {} : { "http.response.status_code": status }),
      ...rest.attributes,
    },
  });
}

/** The answer to a request, 200 unless given otherwise. */
export function server(given: Given & { readonly status?: number }): Span {
  const { status = 200, ...rest } = given;
  return span({
    kind: "server",
    name: "GET /",
    isError: status >= 500,
    ...rest,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": status,
      ...rest.attributes,
    },
  });
}

/** A query of a store. */
export function query(given: Given & { readonly of: string; readonly statement?: string }): Span {
  const { of, statement = "select 1", ...rest } = given;
  return span({
    kind: "client",
    name: "pg.query:SELECT",
    ...rest,
    attributes: {
      "db.system.name": "postgresql",
      "db.namespace": of,
      "db.query.text": statement,
      ...rest.attributes,
    },
  });
}
