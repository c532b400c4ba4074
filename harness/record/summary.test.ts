import { expect, test } from "vitest";
import { summarySchema } from "./summary.ts";

test("a summary of an earlier version is refused, and it says how to have a new one", () => {
  const read = summarySchema.safeParse({ schemaVersion: 2 });
  expect(read.error?.issues.find(({ path }) => path[0] === "schemaVersion")?.message).toBe(
    "expected a summary of version 3: squall report RUN makes it anew from the run folder",
  );
});

test.each(["javascript:alert(1)", "ftp://jaeger", "localhost:16686"])("a Jaeger at %s is none", (jaeger) => {
  const { jaeger: schema } = summarySchema.shape.run.shape;
  expect(schema.safeParse(jaeger).success).toBe(false);
  expect(schema.safeParse("http://localhost:16686").success).toBe(true);
});
