import { z } from "zod";
import { wholeNumber } from "../toxics/toxic-kind.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";
import { TokenBucket } from "./token-bucket.ts";

const rateError = "expected calls a second, more than 0 and at most 1000000";

const attributes = httpAttributes({
  rate: z.number({ error: rateError }).gt(0, { error: rateError }).max(1_000_000, { error: rateError }),
  burst: wholeNumber("calls", { from: 1, to: 1_000_000 }).default(1),
  retry_after: wholeNumber("seconds", { from: 0, to: 1_000_000 }).default(1),
});

/** One for a fault, whatever the connection. */
const buckets = new WeakMap<object, TokenBucket>();

/** Calls beyond `rate` a second, after `burst` at once, are answered 429 with `Retry-After` instead of reaching the callee. */
export const httpRateLimit: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream"],
  attributes,
  plan({ rate, burst, retry_after }, { fault }) {
    const bucket = buckets.get(fault) ?? new TokenBucket();
    buckets.set(fault, bucket);
    if (bucket.take(rate, burst, performance.now())) return undefined;
    const headers = { "Retry-After": String(retry_after) };
    return { act: "answer", status: 429, headers, body: undefined };
  },
};
