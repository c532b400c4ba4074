import { basename } from "node:path";
import { z } from "zod";
import { fields, nameOf, rate, text } from "../base/fields.ts";

/** The load of an experiment where k6 makes it: a script, and what the script is told. */

/** What the script finds in `__ENV` of Squall itself, whatever the experiment gives it beside. */
export const k6Variables = ["BASE_URL", "RATE", "DURATION", "SEED"] as const;

/** @param hasFile whether a file exists, by its path relative to the experiment's folder */
export function k6LoadSchema(hasFile?: (path: string) => boolean) {
  return fields({
    engine: z.literal("k6"),
    script: text("the path of a k6 script, relative to this file").refine(
      (script) => hasFile?.(script) !== false,
      { error: "expected a file that exists" },
    ),
    journeys: z.array(nameOf("journey", undefined), { error: "expected a list of journeys" }).default([]),
    rate: rate({ atLeast: 0.01, atMost: 10_000 }),
    env: z
      .record(z.string(), z.string({ error: "expected a text" }), { error: "expected a mapping of texts" })
      .superRefine((env, context) => {
        for (const name of Object.keys(env))
          if (k6Variables.some((own) => own === name))
            context.addIssue({ code: "custom", path: [name], message: `Squall itself sets ${name}` });
      })
      .default({}),
  })
    .superRefine(({ script, journeys }, context) => {
      const index = journeys.indexOf(scriptName(script));
      if (index === -1) return;
      const message = "expected another name than the script's, which stands for all its journeys";
      context.addIssue({ code: "custom", path: ["journeys", index], message });
    })
    .transform(({ engine, script, journeys, rate, env }) => ({
      engine,
      /** The script's name: that of all its iterations together. */
      journey: scriptName(script),
      script,
      journeys,
      arrivals: { kind: "constant" as const, ratePerSecond: rate },
      variables: env,
    }));
}

export type K6Load = Readonly<z.output<ReturnType<typeof k6LoadSchema>>>;

/** The names that the rest of an experiment may use for k6's journeys; of a document that may be wrong elsewhere. */
export function k6Names(
  document: unknown,
): { readonly whole: string; readonly journeys: readonly string[] } | undefined {
  const parsed = namedSchema.safeParse(document);
  if (!parsed.success) return undefined;
  const { script, journeys } = parsed.data.load;
  return { whole: scriptName(script), journeys: journeys.filter((name) => typeof name === "string") };
}

const namedSchema = z.object({
  load: z.object({
    engine: z.literal("k6"),
    script: z.string().catch(""),
    journeys: z.array(z.unknown()).catch([]),
  }),
});

/** "load/k6/shopper.ts" -> "shopper" */
function scriptName(script: string): string {
  return basename(script).replace(/\.[^.]*$/, "");
}
