import { z } from "zod";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { fields } from "../base/fields.ts";
import type { HealthSpec } from "./health-checks.ts";
import type { ToxicOptions } from "./proxy.ts";
import { nameSchema, newToxicsSchema, ttlSchema } from "./toxic-spec.ts";
import { longestMs, wholeNumber } from "./toxics/toxic-kind.ts";

/** A proxy as clients and configuration files ask for it. */
export interface ProxySpec {
  readonly name: string;
  readonly listen: Address;
  readonly upstream: Address;
  /** All that it leads to, `upstream` among them; `undefined`: that alone when it is new, left as they are when it is not. */
  readonly upstreams: readonly Address[] | undefined;
  /** `null`: upstreams are not asked; `undefined`: the same when it is new, left as it is when it is not. */
  readonly health: HealthSpec | null | undefined;
  /** `undefined`: enabled when it is new, left as it is when it is not. */
  readonly enabled: boolean | undefined;
  /** What a proxy that is asked for disabled is down under, if anything. */
  readonly lease: string | undefined;
  /** How long a proxy that is asked for disabled is down, in milliseconds. */
  readonly ttlMs: number | undefined;
  readonly toxics: readonly ToxicOptions[];
}

const flag = z.boolean({ error: "expected true or false" });
const addressError = 'expected an address such as "127.0.0.1:5432"';

/** "127.0.0.1:0", or ":0" for all interfaces. */
const listenSchema = address((given) =>
  given.startsWith(":") ? parseAddress(`[::]${given}`) : parseAddress(given),
);
const upstreamSchema = address((given) => {
  const parsed = parseAddress(given);
  return parsed?.port === 0 ? undefined : parsed;
});

const mostUpstreams = 256;
const upstreamsError = `expected a list of 1 to ${mostUpstreams} addresses`;

/** Each an address, or what the API tells of one, of which only the address counts. */
const upstreamsSchema = z
  .array(
    z.union(
      [
        upstreamSchema,
        fields({
          address: upstreamSchema,
          state: z.unknown().optional(),
          connections: z.unknown().optional(),
        }).transform(({ address }) => address),
      ],
      { error: addressError },
    ),
    { error: upstreamsError },
  )
  .min(1, { error: upstreamsError })
  .max(mostUpstreams, { error: upstreamsError })
  .superRefine((addresses, context) => {
    const texts = addresses.map(formatAddress);
    texts.forEach((text, index) => {
      if (texts.indexOf(text) < index)
        context.addIssue({
          code: "custom",
          path: [index],
          message: "expected each address once",
          input: text,
        });
    });
  });

const pathError = 'expected a path such as "/ready"';
const healthSchema = fields({
  path: z.string({ error: pathError }).regex(/^\/[\x21-\x7e]*$/, { error: pathError }),
  interval_ms: wholeNumber("milliseconds", { from: 10, to: longestMs }).default(500),
  timeout_ms: wholeNumber("milliseconds", { from: 10, to: longestMs }).default(500),
}).transform(({ path, interval_ms, timeout_ms }): HealthSpec => ({
  path,
  intervalMs: interval_ms,
  timeoutMs: timeout_ms,
}));

/** Go's client sends an empty text for a field that was not set. */
const notGiven = z.literal("").transform(() => undefined);

/** What we, and Toxiproxy (2.12), tell of a proxy beyond this: clients send the whole proxy back; these change nothing. */
const told = {
  draining: z.unknown().optional(),
  expires_in_ms: z.unknown().optional(),
  Logger: z.unknown().optional(),
};

const life = { lease: nameSchema.nullish(), ttl_ms: ttlSchema.nullish() };

export const newProxySchema = fields({
  name: nameSchema,
  listen: z.union([notGiven, listenSchema], { error: addressError }).nullish(),
  upstream: upstreamSchema.optional(),
  upstreams: upstreamsSchema.nullish(),
  health: healthSchema.nullish(),
  enabled: flag.nullish(),
  ...life,
  toxics: newToxicsSchema.nullish(),
  ...told,
})
  .superRefine(refuseLifeOfEnabled)
  .superRefine(refuseOtherUpstream)
  .transform((given, context): ProxySpec => {
    const { name, listen, upstreams, health, enabled, lease, ttl_ms, toxics } = given;
    const upstream = given.upstream ?? upstreams?.[0];
    if (upstream === undefined) {
      context.addIssue({ code: "custom", path: ["upstream"], message: addressError, input: undefined });
      return z.NEVER;
    }
    return {
      name,
      listen: listen ?? { host: "127.0.0.1", port: 0 },
      upstream,
      upstreams: upstreams ?? undefined,
      health,
      enabled: enabled ?? undefined,
      lease: lease ?? undefined,
      ttlMs: ttl_ms ?? undefined,
      toxics: toxics ?? [],
    };
  });

/** A list of proxies, in the format of Toxiproxy's configuration file. */
export const proxyListSchema = z
  .array(newProxySchema, { error: "expected a list of proxies" })
  .superRefine((specs, context) => {
    specs.forEach(({ name }, index) => {
      if (specs.findIndex((other) => other.name === name) < index)
        context.addIssue({
          code: "custom",
          path: [index, "name"],
          message: "expected a name that no other proxy has",
          input: name,
        });
    });
  });

export const proxyChangeSchema = fields({
  name: z.string().nullish(),
  listen: listenSchema.nullish(),
  upstream: upstreamSchema.nullish(),
  upstreams: upstreamsSchema.nullish(),
  cut_removed: flag.nullish(),
  health: healthSchema.nullish(),
  enabled: flag.nullish(),
  ...life,
  toxics: z.unknown().optional(),
  ...told,
})
  .superRefine(refuseLifeOfEnabled)
  .superRefine(refuseOtherUpstream);

function address(parse: (given: string) => Address | undefined) {
  return z
    .string({ error: addressError })
    .min(1, { error: addressError })
    .transform((given, context): Address => {
      const parsed = parse(given);
      if (parsed) return parsed;
      context.addIssue({ code: "custom", message: addressError, input: given });
      return z.NEVER;
    });
}

interface Destination {
  readonly upstream?: Address | null | undefined;
  readonly upstreams?: readonly Address[] | null | undefined;
}

/** Who names both means the same. */
function refuseOtherUpstream(
  { upstream, upstreams }: Destination,
  context: z.RefinementCtx<Destination>,
): void {
  if (!upstream || !upstreams) return;
  const texts = upstreams.map(formatAddress);
  const input = formatAddress(upstream);
  if (!texts.includes(input))
    context.addIssue({ code: "custom", path: ["upstream"], message: "expected one of upstreams", input });
}

interface Life {
  readonly enabled?: boolean | null | undefined;
  readonly lease?: string | null | undefined;
  readonly ttl_ms?: number | null | undefined;
}

/** Only the fault `down` has a life of its own. */
function refuseLifeOfEnabled(given: Life, context: z.RefinementCtx<Life>): void {
  for (const field of ["lease", "ttl_ms"] as const) {
    if (given[field] === undefined || given[field] === null || given.enabled === false) continue;
    const message = 'expected only together with "enabled": false';
    context.addIssue({ code: "custom", path: [field], message, input: given[field] });
  }
}
