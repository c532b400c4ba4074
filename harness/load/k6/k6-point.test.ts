import { expect, it, test } from "vitest";
import { readK6Point } from "./k6-point.ts";

const lineAt = (time: string, metric = "http_req_duration"): string =>
  JSON.stringify({
    metric,
    type: "Point",
    data: { time, value: 1.5, tags: { step: "a" }, metadata: { vu: "1" } },
  });

test("a point keeps its value, its tags, its metadata and its time to a fraction of a millisecond", () => {
  const point = readK6Point(lineAt("2026-11-21T19:34:06.725701909Z"));
  expect(point).toMatchObject({
    metric: "http_req_duration",
    value: 1.5,
    tags: { step: "a" },
    metadata: { vu: "1" },
  });
  expect(point?.atMs).toBeCloseTo(Date.UTC(2026, 10, 21, 19, 34, 6, 725) + 0.701909, 3);
});

it.each([
  ["2026-11-21T21:34:06.5+02:00", Date.UTC(2026, 10, 21, 19, 34, 6, 500)],
  ["2026-11-21T14:04:06-05:30", Date.UTC(2026, 10, 21, 19, 34, 6)],
  ["2026-11-21T19:34:06.000000001Z", Date.UTC(2026, 10, 21, 19, 34, 6)],
])("%s is the same moment in any zone", (time, atMs) => {
  expect(readK6Point(lineAt(time))?.atMs).toBeCloseTo(atMs, 3);
});

it.each([
  ["a metric that is not asked for", lineAt("2026-11-21T19:34:06Z", "http_req_waiting")],
  ["a line of the summary", "    http_reqs......................: 14     5.173764/s"],
  ["a declaration", '{"type":"Metric","data":{"name":"checks","type":"rate"},"metric":"checks"}'],
  ["what a script prints", '{"metric": 1}'],
  ["half a line", '{"metric":"checks","type":"Point","data":{"ti'],
  ["an empty line", ""],
])("%s is no point", (_, line) => {
  expect(readK6Point(line)).toBeUndefined();
});
