import { z } from "zod";
import { duration, fields, nameOf, ratio, text } from "../base/fields.ts";

/**
 * An objective of a service: which share of its answers must be good over a window that slides. What is not good spends the
 * error budget; alerts tell how fast (dashboards/). Two kinds, told by `latency-at-most`:
 *
 *   success   an answer is good unless the service failed: any status of 500 and above, or a client that left before
 *   latency   of the answers that are no failure, one is good that took no longer
 *
 * Both are counted from the service's histogram `http_server_request_duration_seconds{method,route,status}`, so that a
 * latency must be one of its buckets.
 */
export function sloSchema(services?: readonly string[]) {
  return fields({
    title: text("a title"),
    service: nameOf("service", services),
    /** As the service's metrics have it; without it, all that the service answers. */
    route: z
      .string({ error: routeExpected })
      .regex(/^[A-Z]+ \/\S*$/, { error: routeExpected })
      .optional(),
    "at-least": ratio({ atLeast: 0.5, atMost: 0.99999 }),
    "latency-at-most": duration({ atLeast: 1, atMost: 3_600_000 }).optional(),
    window: duration({ atLeast: 86_400_000, atMost: 90 * 86_400_000 }).default(30 * 86_400_000),
  }).transform(({ title, service, route, window: windowMs, ...limits }) => {
    const [method, template] = route?.split(" ") ?? [];
    const requests = method === undefined || template === undefined ? undefined : { method, route: template };
    const common = { title, service, requests, windowMs, atLeastRatio: limits["at-least"] };
    const atMostMs = limits["latency-at-most"];
    return atMostMs === undefined
      ? { kind: "success" as const, ...common }
      : { kind: "latency" as const, ...common, atMostMs };
  });
}

const routeExpected = 'expected a method and a route such as "POST /api/checkout"';
