import { z } from "zod";
import { parseAddress, type Address } from "../base/address.ts";
import { fields } from "../base/fields.ts";
import type { ToxicOptions } from "./proxy.ts";
import { nameSchema, newToxicsSchema, ttlSchema } from "./toxic-spec.ts";

/** A proxy as clients and configuration files ask for it. */
export interface ProxySpec {
  readonly name: string;
  readonly listen: Address;
  readonly upstream: Address;
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

/** Go's client sends an empty text for a field that was not set. */
const notGiven = z.literal("").transform(() => undefined);

/** What we, and Toxiproxy (2.12), tell of a proxy beyond this: clients send the whole proxy back; these change nothing. */
const told = { expires_in_ms: z.unknown().optional(), Logger: z.unknown().optional() };

const life = { lease: nameSchema.nullish(), ttl_ms: ttlSchema.nullish() };

export const newProxySchema = fields({
  name: nameSchema,
  listen: z.union([notGiven, listenSchema], { error: addressError }).nullish(),
  upstream: upstreamSchema,
  enabled: flag.nullish(),
  ...life,
  toxics: newToxicsSchema.nullish(),
  ...told,
})
  .superRefine(refuseLifeOfEnabled)
  .transform(({ name, listen, upstream, enabled, lease, ttl_ms, toxics }): ProxySpec => ({
    name,
    listen: listen ?? { host: "127.0.0.1", port: 0 },
    upstream,
    enabled: enabled ?? undefined,
    lease: lease ?? undefined,
    ttlMs: ttl_ms ?? undefined,
    toxics: toxics ?? [],
  }));

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
  enabled: flag.nullish(),
  ...life,
  toxics: z.unknown().optional(),
  ...told,
}).superRefine(refuseLifeOfEnabled);

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
