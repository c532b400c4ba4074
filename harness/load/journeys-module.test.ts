import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadJourneys } from "./journeys-module.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-modules-"));
let files = 0;

function planFor(
  source: string,
  changes: { readonly mix?: Readonly<Record<string, number>>; of?: number } = {},
) {
  const journeysModule = join(folder, `${(files += 1)}.mjs`);
  writeFileSync(journeysModule, source);
  return {
    journeysModule,
    mix: changes.mix ?? {},
    ...(changes.of === undefined ? {} : { users: { kind: "drawn" as const, of: changes.of } }),
    arrivals: { kind: "poisson" as const, ratePerSecond: 1, durationMs: 1 },
    seed: "",
    baseUrl: "",
    historyFile: "",
    histogramsFile: "",
    maxConnections: 1,
    timeoutMs: 1,
  };
}

const two = "export const journeys = { browse() {}, buy() {} };";

test("without a mix each journey of the module is taken equally often", async () => {
  expect((await loadJourneys(planFor(two))).plan.mix).toEqual({ browse: 1, buy: 1 });
  expect((await loadJourneys(planFor(two, { mix: { buy: 2 } }))).plan.mix).toEqual({ buy: 2 });
});

test("the module says how many users there are, unless the plan does", async () => {
  const source = `${two} export const users = 7;`;
  expect((await loadJourneys(planFor(source))).plan.users).toEqual({ kind: "drawn", of: 7 });
  expect((await loadJourneys(planFor(source, { of: 3 }))).plan.users).toEqual({ kind: "drawn", of: 3 });
  expect((await loadJourneys(planFor(two))).plan.users).toBe(undefined);
});

test.each([
  ["export default {};", "expected it to export `journeys`"],
  ["export const journeys = {};", "expected it to export `journeys`"],
  ["export const journeys = { browse: 7 };", "expected it to export `journeys`"],
  [`${two} export const users = 0;`, "expected `users` to be a whole number above 0, got 0"],
  [`${two} export const users = "many";`, 'expected `users` to be a whole number above 0, got "many"'],
  ["throw new Error('a mistake');", "a mistake"],
])("%s is refused", async (source, message) => {
  await expect(loadJourneys(planFor(source))).rejects.toThrow(message);
});

test("a journey that is not there is named, with the one that may be meant", async () => {
  await expect(loadJourneys(planFor(two, { mix: { brows: 1 } }))).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    message: expect.stringContaining('unknown journey "brows", did you mean "browse"?') as string,
  });
});

test("a data file of another form is told as such, not as a module that cannot be loaded", async () => {
  writeFileSync(join(folder, "rows.csv"), "id\nx\n");
  const dataModule = new URL("data-file.ts", import.meta.url).href;
  const source = `
    import { dataFile } from ${JSON.stringify(dataModule)};
    dataFile(new URL("rows.csv", import.meta.url), { safeParse: () => ({ error: { issues: [
      { code: "custom", path: ["id"], message: "expected a number" } ] } }) });`;
  await expect(loadJourneys(planFor(source))).rejects.toMatchObject({
    code: "SQUALL_INVALID_DOCUMENT",
    message: expect.stringMatching(
      /rows.csv is not a valid data file.*\n.*line 2 {2}id {2}expected a number, got "x"/,
    ) as string,
  });
});
