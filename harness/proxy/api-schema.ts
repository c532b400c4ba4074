import { z } from "zod";

/** The API's bodies, as Toxiproxy has them; `lease` is ours. */
const lease = z.string().min(1).max(200).optional();

export const proxyInputSchema = z.object({
  name: z.string(),
  listen: z.string(),
  upstream: z.string(),
  enabled: z.boolean({ error: "expected true or false" }).default(true),
});
export type ProxyInput = z.output<typeof proxyInputSchema>;

export const proxyUpdateSchema = z.object({
  listen: z.string().optional(),
  upstream: z.string().optional(),
  enabled: z.boolean({ error: "expected true or false" }).optional(),
  lease,
});
export type ProxyUpdate = z.output<typeof proxyUpdateSchema>;

const toxicity = z
  .number({ error: "expected a number from 0 to 1" })
  .min(0, { error: "expected a number from 0 to 1" })
  .max(1, { error: "expected a number from 0 to 1" });

const attributes = z.record(z.string(), z.unknown(), { error: "expected an object" }).default({});

export const toxicInputSchema = z.strictObject({
  name: z.string().min(1).optional(),
  type: z.string(),
  stream: z.enum(["upstream", "downstream"]).default("downstream"),
  toxicity: toxicity.default(1),
  attributes,
  lease,
});
export type ToxicInput = z.output<typeof toxicInputSchema>;

export const toxicUpdateSchema = z.object({ toxicity: toxicity.optional(), attributes });
export type ToxicUpdate = z.output<typeof toxicUpdateSchema>;

export const leaseInputSchema = z.strictObject({ ttl_ms: z.int().min(100).max(86_400_000).optional() });
