import { expect, test } from "vitest";
import { toxicKinds } from "../proxy/toxics/registry.ts";
import { faultCases } from "./fault-cases.fixture.ts";

// The two ends of the wire know nothing of each other: what one sends, the other must take as it is meant.
test.each(faultCases)("the proxy takes %s", (yaml, _words, type, attributes) => {
  const kind = toxicKinds.get(type);
  expect(kind?.attributes.parse(attributes)).toMatchObject(attributes);
  if (yaml.includes("stream: upstream")) expect(kind).toHaveProperty("streams", ["downstream", "upstream"]);
});
