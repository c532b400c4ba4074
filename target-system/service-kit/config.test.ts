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
