/**
 * Writes what is generated below dashboards/: boards for Grafana, and rules for Prometheus.
 *
 *   npm run dashboards                          into dashboards/
 *   node dashboards/grafana/generate.ts FOLDER  into another folder
 *
 * Grafana's SDK, of 11 MB, is installed when it is missing: nothing else needs it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format, resolveConfig } from "prettier";
import { npmPackage } from "../../scripts/peers.ts";
import { boards } from "../boards.ts";
import { ruleFiles } from "../generated.ts";

const sdk = "@grafana/grafana-foundation-sdk";
const parentURL = pathToFileURL(join(npmPackage(sdk), "package.json")).href;
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, specifier.startsWith(`${sdk}/`) ? { ...context, parentURL } : context),
});
const { toGrafana } = await import("./to-grafana.ts");

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, ".."));
const options = await resolveConfig(join(import.meta.dirname, "board.json"));
const files = {
  ...ruleFiles(),
  ...Object.fromEntries(boards.map((board) => [`grafana/${board.uid}.json`, toGrafana(board)] as const)),
};
for (const [name, text] of Object.entries(files)) {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, name.endsWith(".json") ? await format(text, { ...options, parser: "json" }) : text);
}
