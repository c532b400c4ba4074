import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** Calls beyond the rate are answered with 429. */
export const httpRateLimit = httpFault<FaultOf<"http-rate-limit">>(
  "http_rate_limit",
  ({ ratePerSecond, burst }, calls) =>
    `limit of ${ratePerSecond}/s${burst === 1 ? "" : ` (${burst} at once)`} on ${calls}`,
  ({ ratePerSecond, burst, retryAfterMs }) => ({
    rate: ratePerSecond,
    burst,
    retry_after: Math.round(retryAfterMs / 1_000),
  }),
);
