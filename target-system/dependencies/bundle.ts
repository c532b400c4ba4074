import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * The packages that the shop's processes import, as a few large files: to find, read and compile the nine hundred small
 * ones is a quarter of what the start of a service costs. The shop's own code stays as it is, a file a module.
 *
 *   npm ci ─→ make-bundle.ts ─→ node_modules/.cache/shop-dependencies/ ─→ node --import=./dependencies/bundled.ts …
 *
 * Where there is no bundle, or it was made of other packages than those installed now, or otherwise, imports go their usual
 * way.
 */
export interface Bundle {
  /** Of which packages, and how, it was made. */
  readonly madeOf: string;
  /** By what is imported ("fastify"): the name of the file with it. */
  readonly files: Readonly<Record<string, string>>;
}

const modules = resolve(import.meta.dirname, "../../node_modules");

export const bundleFolder = join(modules, ".cache/shop-dependencies");
export const bundleFile = "bundle.json";

/** Tells one state of the installed packages from another, by npm's own record of them, and one way to make bundles too. */
export function whatIsBundled(): string {
  return createHash("sha256")
    .update(readFileSync(join(modules, ".package-lock.json")))
    .update(readFileSync(join(import.meta.dirname, "make-bundle.ts")))
    .digest("hex");
}

/**
 * Lets what is imported from now on come from a bundle. What packages outside it import among themselves stays theirs.
 * @returns whether there is a bundle of the packages that are installed now
 */
export function useBundle(folder = bundleFolder): boolean {
  let bundle: Bundle;
  try {
    bundle = JSON.parse(readFileSync(join(folder, bundleFile), "utf8")) as Bundle;
    if (bundle.madeOf !== whatIsBundled()) return false;
  } catch {
    return false; // none was made; npm keeps no record
  }
  const urls = new Map(
    Object.entries(bundle.files).map(([name, file]) => [name, pathToFileURL(join(folder, file)).href]),
  );
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = context.parentURL?.includes("/node_modules/") === true ? undefined : urls.get(specifier);
      return url === undefined
        ? nextResolve(specifier, context)
        : { url, format: "module", shortCircuit: true };
    },
  });
  return true;
}
