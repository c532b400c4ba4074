import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleFile, type Bundle } from "./bundle.ts";
import { importsOfTheShop } from "./make-bundle.ts";

const cache = resolve(import.meta.dirname, "../../node_modules/.cache");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(cache, "bundle-test-")); // where what is left out of it can be found
  const make = join(import.meta.dirname, "make-bundle.ts");
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", make, folder]);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Found {
  readonly isUsed: boolean;
  /** By what is imported: where it is, what it exports, and of a CommonJS module what it is when required. */
  readonly imports: Readonly<Record<string, { url: string; names: string[]; required: string[] }>>;
}

/** What a process finds when it imports all that the shop does. */
function imported(from: string): Found {
  const code = `
    import { createRequire } from "node:module";
    import { useBundle } from ${JSON.stringify(join(import.meta.dirname, "bundle.ts"))};
    const isUsed = useBundle(${JSON.stringify(from)});
    const require = createRequire(import.meta.url);
    const imports = {};
    for (const name of ${JSON.stringify(importsOfTheShop())}) {
      const found = await import(name);
      const required = "module.exports" in found ? require(name) : {};
      imports[name] = {
        url: import.meta.resolve(name),
        names: Object.keys(found).filter((key) => key !== "__esModule").map((key) => key + " " + typeof found[key]).sort(),
        required: [typeof required, ...Object.keys(required)].filter((key) => key !== "__esModule").sort(),
      };
    }
    console.log(JSON.stringify({ isUsed, imports }));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return JSON.parse(output) as Found;
}

test("all that the shop imports comes from the bundle, and exports what the packages do", () => {
  const bundled = imported(folder);
  const plain = imported("/no/such/folder");
  expect([bundled.isUsed, plain.isUsed]).toEqual([true, false]);
  expect(Object.keys(plain.imports)).toEqual(
    expect.arrayContaining(["fastify", "zod", "undici/lib/dispatcher/pool.js"]),
  );
  for (const [name, { url, ...exported }] of Object.entries(bundled.imports)) {
    const { url: ownUrl, ...own } = plain.imports[name] ?? { url: "" };
    expect(url, name).toContain("/bundle-test-");
    expect(ownUrl, name).not.toContain("/bundle-test-");
    expect(exported, name).toEqual(own);
  }
});

test("a bundle of other packages than those that are installed is not used", () => {
  const other = mkdtempSync(join(cache, "bundle-test-"));
  const { files } = JSON.parse(readFileSync(join(folder, bundleFile), "utf8")) as Bundle;
  writeFileSync(join(other, bundleFile), JSON.stringify({ madeOf: "something else", files }));
  const { isUsed, imports } = imported(other);
  rmSync(other, { recursive: true });
  expect(isUsed).toBe(false);
  expect(imports["fastify"]?.url).not.toContain("/bundle-test-");
});
