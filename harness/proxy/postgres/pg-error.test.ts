import { expect, test } from "vitest";
import { pgError } from "./pg-error.ts";

test.each([
  [40001, "40001"],
  [8006, "08006"],
  ["57P01", "57P01"],
])("the code %j stands for SQLSTATE %s", (code, sqlState) => {
  expect(pgError.attributes.parse({ code })).toMatchObject({ code: sqlState });
});

test.each([400010, -40001, 400.5, 0, true, "4000", "40p01"])("%j is no SQLSTATE of an error", (code) => {
  expect(() => pgError.attributes.parse({ code })).toThrow("expected the SQLSTATE of an error");
});
