import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readObservationFiles, writeObservations } from "./observations.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-stores-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rows = {
  orders: [
    { orderId: "o1", totalCents: 1200, isPaid: true, traceId: null },
    { orderId: "o2\n", totalCents: 5, isPaid: false, traceId: "t" },
  ],
  mails: [],
  payments: { error: "connection refused" },
};

test("observations come back from the run folder as they were, also none and those that could not be read", () => {
  const stores = join(folder, "stores");
  writeObservations(stores, rows);
  expect(readObservationFiles(stores)).toEqual(rows);
  expect(readdirSync(stores).sort()).toEqual(["mails.jsonl", "orders.jsonl", "payments.error.json"]);
});

test("a later reading replaces an earlier one, whichever of them failed", () => {
  writeObservations(folder, rows);
  const later = { orders: { error: "gone" }, mails: [{ id: 1 }], payments: [] };
  writeObservations(folder, later);
  expect(readObservationFiles(folder)).toEqual(later);
});

test("a folder that is not there has no observations", () => {
  expect(readObservationFiles(join(folder, "none"))).toEqual({});
});

test("a file that was cut is an error, not fewer rows", () => {
  writeObservations(folder, rows);
  const file = join(folder, "orders.jsonl");
  truncateSync(file, readFileSync(file).length - 1);
  expect(readObservationFiles(folder)).toMatchObject({ orders: { error: "the file is cut" }, mails: [] });
});

test("a line that is no row is an error that says which", () => {
  writeFileSync(join(folder, "orders.jsonl"), '{"id":1}\n{"id":{}}\n');
  writeFileSync(join(folder, "mails.error.json"), "{");
  expect(readObservationFiles(folder)).toEqual({
    orders: { error: expect.stringContaining("line 2") as string },
    mails: { error: expect.stringContaining("cannot be read") as string },
  });
});
