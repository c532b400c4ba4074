import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { loadTarget } from "../harness/target/load-target.ts";
import { experimentScale, experimentWindows, productionWindows } from "./burn-rate.ts";
import { downRules, sloRules, type RuleGroup, type RuleSet } from "./slo-rules.ts";

/** The rule files that are generated, and committed: what would be in each of them now. */

export const root = resolve(import.meta.dirname, "..");
export const shop = loadTarget(join(root, "target-system/target.yaml"));

export const ruleSets = {
  "prometheus/slo.rules.yaml": {
    name: "slo",
    intervalMs: 30_000,
    windows: productionWindows,
    scale: 1,
  },
  "prometheus/experiment.rules.yaml": {
    name: "experiment",
    intervalMs: 1_000,
    windows: experimentWindows,
    scale: experimentScale,
  },
} as const satisfies Readonly<Record<string, RuleSet>>;

export function rulesOf(set: RuleSet): readonly RuleGroup[] {
  return [...sloRules(shop.slos, set), downRules(shop.slos, set)];
}

const head = `# Generated from the SLOs of target-system/target.yaml by \`npm run dashboards\`; a test compares.\n`;

/** By path below this folder. */
export function ruleFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(ruleSets).map(([file, set]) => [
      file,
      head + stringify({ groups: rulesOf(set) }, { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
  );
}
