import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "./config.ts";
import { patternNames } from "./patterns/patterns.ts";

const needed = { PORT: "0", DATABASE_URL: "postgresql://127.0.0.1/shop", IDENTITY_DIR: "identity" };

it("all patterns are on unless it is said otherwise", () => {
  expect([...readConfig(needed, []).patterns]).toEqual(patternNames);
  expect(readConfig({ ...needed, PATTERNS: "full,-breaker" }, []).patterns.has("breaker")).toBe(false);
});

it("an unknown pattern is told together with everything else that is wrong", () => {
  const env = { ...needed, PORT: "many", PATTERNS: "full,-brekar" };
  expect(() => readConfig(env, ["gateway-a"])).toThrow(
    /PORT.*PATTERNS: expected \+ or - and one of timeouts.*got "-brekar".*GATEWAY_A_URL: expected a URL/s,
  );
});

it("the database's URL may lie in a file, and is not told when it is wrong", () => {
  const folder = mkdtempSync(join(tmpdir(), "config-"));
  const file = join(folder, "database-url");
  const { DATABASE_URL: url, ...others } = needed;
  writeFileSync(file, `${url}\n`);
  expect(readConfig({ ...others, DATABASE_URL_FILE: file }, []).databaseUrl).toBe(url);
  writeFileSync(file, "no URL, but s3cret");
  expect(() => readConfig({ ...others, DATABASE_URL_FILE: file }, [])).toThrow(
    /^(?!.*s3cret).*DATABASE_URL/s,
  );
  rmSync(folder, { recursive: true });
});

it("the password of the database alone may lie in a file, whatever is in it", () => {
  const folder = mkdtempSync(join(tmpdir(), "config-"));
  const file = join(folder, "password");
  writeFileSync(file, "s3/c@r:t%\n");
  const env = { ...needed, DATABASE_URL: "postgresql://me@edges:4001/shop", DATABASE_PASSWORD_FILE: file };
  const url = new URL(readConfig(env, []).databaseUrl);
  expect([url.username, decodeURIComponent(url.password), url.host]).toEqual([
    "me",
    "s3/c@r:t%",
    "edges:4001",
  ]);
  expect(() => readConfig({ ...env, DATABASE_URL: "nowhere" }, [])).toThrow(/^(?!.*s3).*DATABASE_URL/s);
  rmSync(folder, { recursive: true });
});
