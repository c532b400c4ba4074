import { z } from "zod";
import { fields } from "../base/fields.ts";
import type { ToxicOptions } from "./proxy.ts";
import type { AnyToxicKind, Stream } from "./toxic.ts";
import { toxicKinds } from "./toxics/registry.ts";
import { longestMs, wholeNumber } from "./toxics/toxic-kind.ts";

/** A toxic as clients ask for it, on its own or within a new proxy. */

const longestName = 256;
const nameError = `expected a text of 1 to ${longestName} characters`;

/** A name of a proxy, a toxic or a lease. */
export const nameSchema = z
  .string({ error: nameError })
  .min(1, { error: nameError })
  .max(longestName, { error: nameError });

/** How long a fault may live. */
export const ttlSchema = wholeNumber("milliseconds", { from: 1, to: longestMs });

const textError = "expected a text";
const toxicityError = "expected a share of connections from 0 to 1";
const toxicity = z
  .number({ error: toxicityError })
  .min(0, { error: toxicityError })
  .max(1, { error: toxicityError });
const attributes = z.record(z.string(), z.unknown(), { error: "expected a mapping" });

/** What the API tells of a toxic beyond what it takes: clients send the whole toxic back; these change nothing. */
const told = {
  matched: z.unknown().optional(),
  drawn: z.unknown().optional(),
  affected: z.unknown().optional(),
  unreadable_connections: z.unknown().optional(),
  first_affected_at_ms: z.unknown().optional(),
  last_affected_at_ms: z.unknown().optional(),
  expires_in_ms: z.unknown().optional(),
};

const shapeSchema = fields({
  name: z.string({ error: textError }).max(longestName, { error: nameError }).nullish(),
  type: z.string({ error: textError }).nullish(),
  stream: z.string({ error: textError }).nullish(),
  toxicity: toxicity.nullish(),
  attributes: attributes.nullish(),
  lease: nameSchema.nullish(),
  ttl_ms: ttlSchema.nullish(),
  ...told,
});

/** A new toxic, with its attributes as its kind's own schema gives them; names every problem, also those of attributes. */
export const newToxicSchema = z.unknown().transform((given, context): ToxicOptions => {
  const shape = shapeSchema.safeParse(given, { reportInput: true });
  const refuse = (field: string, message: string): void =>
    void context.issues.push({ code: "custom", path: [field], message, input: given, params: sentence });
  const takeOver = ({ error }: z.ZodSafeParseResult<unknown>, ...under: readonly string[]): void => {
    for (const issue of error?.issues ?? [])
      context.issues.push({ ...issue, path: [...under, ...issue.path] } as z.core.$ZodRawIssue);
  };
  takeOver(shape);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return z.NEVER; // told by now

  const type = memberOf(given, "type") ?? "";
  const kind = typeof type === "string" ? toxicKinds.get(type) : undefined;
  if (typeof type === "string" && kind === undefined)
    refuse(
      "type",
      `invalid toxic type, expected one of ${[...toxicKinds.keys()].join(", ")}, got ${JSON.stringify(shorten(type))}`,
    );
  const ofKind = attributesOf(kind, memberOf(given, "attributes") ?? {});
  if (ofKind !== undefined) takeOver(ofKind, "attributes");
  const stream = streamOf(type, kind, memberOf(given, "stream") ?? undefined);
  if (typeof stream === "object") refuse("stream", stream.problem);

  if (
    !shape.success ||
    typeof type !== "string" ||
    kind === undefined ||
    typeof stream === "object" ||
    !ofKind?.success
  )
    return z.NEVER;
  const { name, toxicity, lease, ttl_ms } = shape.data;
  return {
    name: name ? name : `${type}_${stream}`,
    type,
    kind,
    stream,
    toxicity: toxicity ?? 1,
    attributes: ofKind.data,
    lease: lease ?? undefined,
    ttlMs: ttl_ms ?? undefined,
  };
});

/** Several new toxics of one proxy. */
export const newToxicsSchema = z
  .array(newToxicSchema, { error: "expected a list of toxics" })
  .superRefine((toxics, context) => {
    toxics.forEach(({ name }, index) => {
      if (toxics.findIndex((other) => other.name === name) < index)
        context.addIssue({
          code: "custom",
          path: [index, "name"],
          message: "expected a name that no other toxic of the proxy has",
          input: name,
        });
    });
  });

export const toxicChangeSchema = fields({
  name: z.string().nullish(),
  type: z.string().nullish(),
  stream: z.string().nullish(),
  toxicity: toxicity.nullish(),
  attributes: attributes.nullish(),
  lease: z.string().nullish(),
  /** From now on. */
  ttl_ms: ttlSchema.nullish(),
  ...told,
});

/** Marks an issue whose message is a sentence of its own: Toxiproxy's text, and what was given. */
export const sentence = { isSentence: true } as const;

/** What toxics of bytes can act on; the first is the default. */
const bothStreams: readonly [Stream, ...Stream[]] = ["downstream", "upstream"];

function streamOf(
  type: unknown,
  kind: AnyToxicKind | undefined,
  given: unknown,
): Stream | { readonly problem: string } {
  const [usual, ...others] = kind?.protocol === undefined ? bothStreams : kind.streams;
  if (typeof given !== "string") return usual; // of another type: told already
  const wanted = [usual, ...others].find((stream) => stream === given.toLowerCase());
  if (wanted !== undefined) return wanted;
  const legal =
    others.length > 0 ? "can be either upstream or downstream" : `${String(type)} can only be ${usual}`;
  return { problem: `stream was invalid, ${legal}, got ${JSON.stringify(shorten(given))}` };
}

function attributesOf(kind: AnyToxicKind | undefined, given: unknown) {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined; // told already
  return kind?.attributes.safeParse(given, { reportInput: true });
}

function memberOf(given: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(given, name)?.value as unknown;
}

function shorten(given: string): string {
  return given.length > 60 ? `${given.slice(0, 59)}…` : given;
}
