import { createRandom, type Random } from "../base/random.ts";
import type { Span } from "../record/span.ts";
import type { EdgeByPort } from "./edges.ts";

/**
 * Traces like a shop's, made up from a seed: three operations of 4 to 17 spans over seven services and their stores, a
 * mail server and a payment provider. Times are drawn with long tails, drift from second to second, and now and then all
 * of the shop stands still: what real machines do between any two phases.
 */
export interface ShopTraces {
  readonly seed: string;
  readonly traces: number;
  /** @default 0 */
  readonly startMs?: number;
  /** @default 40 */
  readonly tracesPerSecond?: number;
  /** All of the shop is slower by this factor. @default 1 */
  readonly slowdown?: number;
  readonly fault?: ShopFault;
}

export interface ShopFault {
  /** "order -> payment" */
  readonly edge: string;
  readonly addedMs?: number;
  /** Of the calls that fail at once. */
  readonly failing?: number;
}

interface Work {
  readonly service: string;
  readonly name: string;
  readonly ownMs: number;
  readonly calls: readonly Call[];
}

interface Call {
  readonly callee: string;
  readonly kind: "http" | "postgresql" | "smtp";
  readonly takesMs: number;
  /** What the callee does, where it has spans of its own. */
  readonly work?: Work;
}

const query = (service: string, takesMs: number): Call => ({
  callee: `${service}-db`,
  kind: "postgresql",
  takesMs,
});
const ask = (work: Work): Call => ({ callee: work.service, kind: "http", takesMs: 1, work });
const work = (service: string, name: string, ownMs: number, ...calls: readonly Call[]): Work => ({
  service,
  name,
  ownMs,
  calls,
});

const operations: readonly { readonly weight: number; readonly root: Work }[] = [
  {
    weight: 6,
    root: work(
      "gateway",
      "GET /api/products",
      2,
      ask(work("catalog", "GET /products", 1, query("catalog", 4))),
    ),
  },
  {
    weight: 3,
    root: work(
      "gateway",
      "POST /api/checkout",
      2,
      query("gateway", 3),
      ask(
        work(
          "order",
          "POST /orders",
          2,
          query("order", 5),
          ask(work("catalog", "POST /reservations", 1, query("catalog", 6))),
          ask(
            work("payment", "POST /payments", 2, query("payment", 4), {
              callee: "gateway-a",
              kind: "http",
              takesMs: 20,
            }),
          ),
          query("order", 5),
        ),
      ),
    ),
  },
  {
    weight: 2,
    root: work(
      "notification",
      "process order.confirmed",
      1,
      ask(work("user", "GET /users/:id", 1, query("user", 3))),
      query("notification", 3),
      { callee: "smtp", kind: "smtp", takesMs: 10 },
    ),
  },
];

const edges = [
  "gateway -> catalog",
  "gateway -> order",
  "gateway -> gateway-db",
  "catalog -> catalog-db",
  "order -> order-db",
  "order -> catalog",
  "order -> payment",
  "payment -> payment-db",
  "payment -> gateway-a",
  "notification -> user",
  "notification -> notification-db",
  "notification -> smtp",
  "user -> user-db",
];
const firstPort = 42_000;

/** Each edge's port, as a run's proxies would have it. */
export const shopPorts: EdgeByPort = new Map(edges.map((edge, index) => [firstPort + index, edge]));
const portOf = new Map(edges.map((edge, index) => [edge, firstPort + index]));

export function* shopTraces({
  seed,
  traces,
  startMs = 1_700_000_000_000,
  tracesPerSecond = 40,
  slowdown = 1,
  fault,
}: ShopTraces): Generator<readonly Span[], void> {
  const random = createRandom(seed);
  const weather = createWeather(random.fork("weather"), slowdown);
  const total = operations.reduce((sum, { weight }) => sum + weight, 0);
  let atMs = startMs;
  for (let index = 0; index < traces; index += 1) {
    atMs += random.exponential(1_000 / tracesPerSecond);
    let drawn = random.next() * total;
    const operation = operations.find(({ weight }) => (drawn -= weight) < 0) ?? operations[0];
    if (operation === undefined) return;
    yield traceOf(operation.root, { random, weather, fault, traceId: idOf(random, 32), startMs: atMs });
  }
}

interface Drawing {
  readonly random: Random;
  /** By what factor things take longer at this time. */
  readonly weather: (atMs: number) => number;
  readonly fault: ShopFault | undefined;
  readonly traceId: string;
  readonly startMs: number;
}

/** Seconds drift about what they were, and about one in forty is a standstill. */
function createWeather(random: Random, slowdown: number): Drawing["weather"] {
  const bySecond = new Map<number, number>();
  let drift = 0;
  return (atMs) => {
    const second = Math.floor(atMs / 1_000);
    let factor = bySecond.get(second);
    if (factor === undefined) {
      drift = 0.7 * drift + 0.3 * (random.next() - 0.5);
      factor = slowdown * Math.exp(drift) * (random.next() < 0.025 ? 6 : 1);
      bySecond.set(second, factor);
    }
    return factor;
  };
}

function traceOf(root: Work, drawing: Drawing): readonly Span[] {
  const { random, weather, fault, traceId } = drawing;
  const spans: Span[] = [];
  // Mostly half to one and a half, at times ten times that.
  const draw = (meanMs: number, atMs: number): number =>
    meanMs * weather(atMs) * (0.5 + random.next()) * (random.next() < 0.02 ? 10 : 1);
  const add = (
    span: Pick<Span, "spanId" | "parentSpanId" | "service" | "name" | "kind" | "startMs"> & {
      readonly endMs: number;
      readonly isError: boolean;
      readonly attributes: Span["attributes"];
    },
  ): void => void spans.push({ traceId, statusMessage: undefined, links: [], events: [], ...span });

  const run = (
    one: Work,
    parentSpanId: string | undefined,
    startMs: number,
  ): [endMs: number, failed: boolean] => {
    const spanId = idOf(random, 16);
    let atMs = startMs + draw(one.ownMs / 2, startMs);
    let hasFailed = false;
    for (const call of one.calls) {
      const [endMs, failed] = cross(one, call, spanId, atMs);
      atMs = endMs;
      hasFailed ||= failed;
    }
    const endMs = atMs + draw(one.ownMs / 2, atMs);
    const isHttp = !one.name.startsWith("process");
    add({
      spanId,
      parentSpanId,
      service: one.service,
      name: one.name,
      kind: isHttp ? "server" : "consumer",
      startMs,
      endMs,
      isError: hasFailed,
      attributes: isHttp
        ? {
            "http.request.method": one.name.slice(0, one.name.indexOf(" ")),
            "http.route": one.name.slice(one.name.indexOf(" ") + 1),
            "http.response.status_code": hasFailed ? 502 : 200,
          }
        : { "messaging.operation.type": "process" },
    });
    return [endMs, hasFailed];
  };

  const cross = (
    { service }: Work,
    { callee, kind, takesMs, work: inner }: Call,
    parentSpanId: string,
    startMs: number,
  ): [endMs: number, failed: boolean] => {
    const edge = `${service} -> ${callee}`;
    const isHit = fault?.edge === edge;
    const fails = isHit && random.next() < (fault.failing ?? 0);
    const spanId = idOf(random, 16);
    const wayMs = draw(takesMs / 2, startMs);
    let atMs = startMs + wayMs + (isHit ? (fault.addedMs ?? 0) : 0);
    let failed = fails;
    if (!fails && inner !== undefined) [atMs, failed] = run(inner, spanId, atMs);
    const endMs = atMs + wayMs;
    const port = portOf.get(edge) ?? 0;
    add({
      spanId,
      parentSpanId,
      service,
      name: kind === "http" ? "POST" : kind === "smtp" ? "SMTP send" : `pg.query:SELECT ${callee}`,
      kind: "client",
      startMs,
      endMs,
      isError: failed,
      attributes:
        kind === "http"
          ? {
              "http.request.method": "POST",
              "url.full": `http://127.0.0.1:${port}/${callee}/${spanId}`,
              "server.address": "127.0.0.1",
              "server.port": port,
              ...(fails ? {} : { "http.response.status_code": failed ? 502 : 200 }),
            }
          : kind === "smtp"
            ? { "server.address": "127.0.0.1", "server.port": port, "network.protocol.name": "smtp" }
            : {
                "db.system.name": "postgresql",
                "db.namespace": callee,
                "db.query.text": "select * from things where id = $1",
                "server.address": "127.0.0.1",
                "server.port": port,
              },
    });
    return [endMs, failed];
  };

  run(root, undefined, drawing.startMs);
  return spans;
}

function idOf(random: Random, digits: number): string {
  let id = "";
  while (id.length < digits)
    id += random
      .integer(0, 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return id;
}
