import { expect, test } from "vitest";
import type { HistoryLine } from "../record/history.ts";
import { toldRows } from "./told.ts";

const times = { arrival: 0, journey: "checkout", intendedMs: 0, endedMs: 5 };
const operation = { ...times, kind: "operation" as const, method: "POST", route: "/api/checkout" };

test("a row is what the client was told, with where and how", () => {
  const lines: HistoryLine[] = [
    { ...operation, step: "browse", completion: "ok" },
    {
      ...operation,
      step: "pay",
      completion: "ok",
      traceId: "abc",
      told: { orderId: "o1", status: "confirmed", totalCents: 1200 },
    },
    { ...operation, step: "pay", completion: "unknown", told: { orderId: "o2" } },
    { ...times, kind: "journey", completion: "ok", operations: 2 },
  ];
  expect(toldRows(lines)).toEqual([
    {
      journey: "checkout",
      step: "pay",
      completion: "ok",
      traceId: "abc",
      orderId: "o1",
      status: "confirmed",
      totalCents: 1200,
    },
    { journey: "checkout", step: "pay", completion: "unknown", orderId: "o2" },
  ]);
});
