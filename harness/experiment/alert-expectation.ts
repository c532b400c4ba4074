import { z } from "zod";
import { unknownName } from "../base/fields.ts";
import { formatDuration, parseDurationMs } from "../base/units.ts";

/** What an experiment expects of an alert: that it tells of the fault in time, or that it does not tell of it at all. */
export type AlertExpectation = { readonly alert: string } & (
  { readonly expects: "fires"; readonly withinMs: number } | { readonly expects: "stays-silent" }
);

const longestMs = 3_600_000;
const expected = 'expected "fires-within 60s" or "stays-silent"';

/**
 * The schema of `{ CheckoutSuccessBurnRate: fires-within 60s, … }`.
 * @param known the alerts that there are; asked only where a document names one
 */
export function alertExpectationsSchema(known?: () => readonly string[]) {
  return z
    .record(z.string(), z.string({ error: expected }), {
      error: "expected a mapping of alerts to what is expected of them",
    })
    .transform((given, context) => {
      const names = known?.();
      const refuse = (path: readonly string[], message: string): void =>
        context.addIssue({ code: "custom", path: [...path], message });
      if (Object.keys(given).length === 0) refuse([], "expected at least one alert");
      return Object.entries(given).flatMap(([alert, text]): AlertExpectation[] => {
        if (names !== undefined && !names.includes(alert))
          refuse([alert], unknownName("alert", alert, names));
        if (text === "stays-silent") return [{ alert, expects: "stays-silent" }];
        const withinMs = parseDurationMs(/^fires-within\s+(.+)$/.exec(text)?.[1] ?? "");
        if (withinMs === undefined) refuse([alert], expected);
        else if (withinMs < 1_000 || withinMs > longestMs)
          refuse([alert], `expected within ${formatDuration(1_000)} to ${formatDuration(longestMs)}`);
        else return [{ alert, expects: "fires", withinMs }];
        return [];
      });
    });
}

/** "CheckoutSuccessBurnRate fires within 60 s of the fault" */
export function describeAlert(expectation: AlertExpectation): string {
  switch (expectation.expects) {
    case "fires":
      return `${expectation.alert} fires within ${formatDuration(expectation.withinMs)} of the fault`;
    case "stays-silent":
      return `${expectation.alert} stays silent`;
  }
}
