import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { bundleFile, bundleFolder, whatIsBundled, type Bundle } from "./bundle.ts";

/** What has files beside it that it reads, and is seldom asked for: the page of the description, and Jaeger's exporter. */
const leftOut = /^(@fastify\/swagger|@fastify\/swagger-ui|@opentelemetry\/exporter-jaeger|rolldown)$/;

/** What Fastify loads for schemas and for requests from within, unless it is given another: not with it, but where asked for. */
const seldomOfFastify = /^(@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler|light-my-request)$/;

const requiredName = "module.exports";
const entryEnd = ".entry.mjs";

/** Bundles what the shop imports, each under the names that it has for Node, which a bundler may see otherwise. */
export async function makeBundle(folder = bundleFolder): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries: Record<string, string> = {};
  const files: Record<string, string> = {};
  for (const [index, imported] of importsOfTheShop().entries()) {
    const name = `${index}-${imported.replaceAll(/\W+/g, "-")}`;
    entries[name] = join(folder, `${name}${entryEnd}`);
    files[imported] = `${name}.mjs`;
    writeFileSync(entries[name], await entryOf(imported));
  }
  const build = await rolldown({
    input: entries,
    platform: "node",
    external: (imported, importer) =>
      /^(node:|pg-native$)/.test(imported) ||
      leftOut.test(imported) ||
      (seldomOfFastify.test(imported) && importer?.endsWith(entryEnd) === false),
    resolve: { conditionNames: ["node", "module-sync"] },
    onLog: () => undefined, // of packages' own code
  });
  await build.write({ dir: folder, entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" });
  for (const entry of Object.values(entries)) rmSync(entry);
  const bundle: Bundle = { madeOf: whatIsBundled(), files };
  writeFileSync(join(folder, bundleFile), JSON.stringify(bundle, undefined, 2));
}

/** All that the shop's processes import from packages: "fastify", "undici/lib/dispatcher/pool.js". */
export function importsOfTheShop(): readonly string[] {
  const shop = resolve(import.meta.dirname, "..");
  const found = globSync("**/*.ts", { cwd: shop, exclude: ["**/*.{test,fixture}.ts", "**/*.d.ts"] })
    .map((file) => stripTypeScriptTypes(readFileSync(join(shop, file), "utf8")))
    .flatMap((code) => [
      ...code.matchAll(/(?:\bfrom|\bimport\(|\brequire\()\s*"(@?\w[\w./-]*|node:[\w/]+)"/g),
    ])
    .map(([, imported = ""]) => imported);
  return [...new Set(found)]
    .filter((imported) => !imported.startsWith("node:") && !leftOut.test(imported))
    .toSorted();
}

async function entryOf(imported: string): Promise<string> {
  const from = JSON.stringify(imported);
  const names = Object.keys((await import(imported)) as object);
  const exported = names.filter((name) => name !== "__esModule" && name !== requiredName);
  // What `require` gives of a CommonJS module, under the name by which Node finds it in an ES module.
  const required = names.includes(requiredName)
    ? `import required from ${from}; export { required as "${requiredName}" };`
    : "";
  return `export { ${exported.join(", ")} } from ${from}; ${required}`;
}

if (import.meta.main) await makeBundle(process.argv[2]);
