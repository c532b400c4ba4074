import type { Span } from "../record/span.ts";
import { askedOf, edgeOf, httpStatusOf, isHttp, isPoolWait, type EdgeByPort } from "./edges.ts";
import { hasFailed } from "./has-failed.ts";
import type { Trace, TraceNode } from "./trace.ts";

/** A call of one part by another, as its caller saw it: a client span. */
export interface Call {
  /** The client span. */
  readonly node: TraceNode;
  /** "order -> payment" */
  readonly edge: string;
  readonly callee: Callee;
  /** The callee's own span, where it has one that arrived. */
  readonly server: TraceNode | undefined;
  readonly isFailed: boolean;
  /** Whether the same was asked before under the same parent and failed, or the caller says that it asks again. */
  readonly isRetry: boolean;
}

export interface Callee {
  readonly name: string;
  /** A store by its database attributes, a service by its own span, else `outside`: what has no spans of its own. */
  readonly kind: "service" | "store" | "outside";
}

/** What ends within this of the next's start ended before it: some SDKs tell a start in whole milliseconds. */
export const startGrainMs = 1;

/** The calls of a trace, parents before what they led to. Waiting for a connection of a pool is none. */
export function callsOf(trace: Trace, ports: EdgeByPort): readonly Call[] {
  const calls: Call[] = [];
  const retries = new Set<TraceNode>();
  for (const node of trace.nodes) {
    findRetries(node, retries);
    if (node.span.kind !== "client" || isPoolWait(node.span)) continue;
    const edge = edgeOfNode(node, ports);
    calls.push({
      node,
      edge,
      callee: calleeOf(node, edge),
      server: serverOf(node),
      isFailed: hasFailed(node),
      isRetry: retries.has(node) || Number(node.span.attributes["http.request.resend_count"] ?? 0) > 0,
    });
  }
  return calls;
}

/** The edge of a client span: by its port where an edge has one, else from the callee's own span, else by its address. */
export function edgeOfNode(node: TraceNode, ports: EdgeByPort): string {
  const byPort = edgeOf(node.span, ports);
  if (byPort !== undefined) return byPort;
  return `${node.span.service} -> ${serverOf(node)?.span.service ?? peerOf(node.span)}`;
}

function serverOf({ children, span }: TraceNode): TraceNode | undefined {
  return children.find((child) => child.span.kind === "server" && child.span.service !== span.service);
}

function calleeOf(node: TraceNode, edge: string): Callee {
  const name = edge.slice(edge.indexOf(" -> ") + 4);
  if (isDatabase(node.span)) return { name, kind: "store" };
  return { name, kind: serverOf(node) === undefined ? "outside" : "service" };
}

export function isDatabase({ attributes }: Span): boolean {
  return attributes["db.system.name"] !== undefined || attributes["db.system"] !== undefined;
}

/** "payments@10.0.0.7:5432", "smtp.example:25"; a database goes by its name first, since servers hold several. */
function peerOf({ attributes }: Span): string {
  const url = attributes["url.full"] ?? attributes["http.url"];
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  const host =
    attributes["server.address"] ??
    attributes["net.peer.name"] ??
    parsed?.hostname ??
    attributes["network.peer.address"];
  const port = attributes["server.port"] ?? attributes["net.peer.port"] ?? (parsed?.port || undefined);
  const database = attributes["db.namespace"] ?? attributes["db.name"];
  const address = host === undefined ? undefined : `${host}${port === undefined ? "" : `:${port}`}`;
  if (database === undefined) return address ?? String(attributes["peer.service"] ?? "unknown");
  return address === undefined ? String(database) : `${database}@${address}`;
}

const tooManyRequests = 429;

/** Among the children of one parent: the same asked again after it failed. */
function findRetries({ children }: TraceNode, retries: Set<TraceNode>): void {
  if (children.length < 2) return;
  const failedAt = new Map<string, number>();
  for (const child of children) {
    if (child.span.kind !== "client" || isPoolWait(child.span)) continue;
    const asked = failedAt.size > 0 || mayBeAskedAgain(child) ? askedOf(child.span) : "";
    const endedMs = failedAt.get(asked);
    if (endedMs !== undefined && endedMs <= child.span.startMs + startGrainMs) retries.add(child);
    if (mayBeAskedAgain(child)) failedAt.set(asked, child.span.endMs);
    else failedAt.delete(asked);
  }
}

function mayBeAskedAgain(node: TraceNode): boolean {
  return hasFailed(node) || httpStatusOf(node.span) === tooManyRequests;
}

/** What is asked without its particulars: "GET /products/:id", "select * from products where id = ?". */
export function shapeOf({ node, server }: Pick<Call, "node" | "server">): string {
  const { attributes, name } = node.span;
  const statement = attributes["db.query.text"] ?? attributes["db.statement"];
  if (typeof statement === "string") return shapeOfStatement(statement);
  if (!isHttp(node.span)) return name;
  const method = attributes["http.request.method"] ?? attributes["http.method"];
  const route = server?.span.attributes["http.route"] ?? attributes["url.template"];
  if (route !== undefined) return `${method} ${route}`;
  const url = attributes["url.full"] ?? attributes["http.url"];
  const path = attributes["url.path"] ?? (typeof url === "string" ? URL.parse(url)?.pathname : undefined);
  return path === undefined ? name : `${method} ${shapeOfPath(String(path))}`;
}

/** A part of a path that has a digit in it is taken for an id, unless it is a version. */
function shapeOfPath(path: string): string {
  return path
    .split("/")
    .map((part) => (/\d/.test(part) && !/^v\d+$/.test(part) ? ":id" : part))
    .join("/");
}

/** Literals and parameters become `?`, a list of them one; white space is one space. */
function shapeOfStatement(statement: string): string {
  return statement
    .replace(/'(?:[^']|'')*'/g, "?")
    .replace(/\$\d+/g, "?")
    .replace(/\b\d+(?:\.\d+)?\b/g, "?")
    .replace(/\(\s*\?(?:\s*,\s*\?)*\s*\)/g, "(?)")
    .replace(/\s+/g, " ")
    .trim();
}
