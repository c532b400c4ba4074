import fc from "fast-check";
import { expect, test } from "vitest";
import { closedAt, formatMoment, hoursSchema, type Hours } from "./hours.ts";

const hours = (text: string): Hours => hoursSchema.parse(text);
const ms = (iso: string): number => Date.parse(iso);
const isOpen = (text: string, iso: string): boolean =>
  closedAt([hours(text)], { startMs: ms(iso), endMs: ms(iso) + 1 }) === undefined;

test.each([
  ["Mon-Fri", ["Mon", "Tue", "Wed", "Thu", "Fri"]],
  ["Sun", ["Sun"]],
  ["Mon,Wed-Thu", ["Mon", "Wed", "Thu"]],
  ["Sat-Mon", ["Sat", "Sun", "Mon"]],
])("%s is %j", (days, expected) => {
  expect(hours(`${days} 09:00-17:00 UTC`).days).toEqual(expected);
});

test.each([
  ["office", "expected hours such as"],
  ["Mon-Fri 9-17 UTC", "expected hours such as"],
  ["Mon-Fri 09:00-17:00", "expected hours such as"],
  ["Mon-Fry 09:00-17:00 UTC", "expected hours such as"],
  ["Mon-Wed-Fri 09:00-17:00 UTC", "expected hours such as"],
  ["Mon 09:60-17:00 UTC", "expected hours such as"],
  ["Mon 09:00-24:30 UTC", "expected hours such as"],
  ["Mon 09:00-09:00 UTC", "expected an end other than the beginning; a whole day is 00:00-24:00"],
  ["Mon 09:00-17:00 Europe/Berln", 'unknown time zone "Europe/Berln"'],
])('"%s" is refused', (text, message) => {
  expect(hoursSchema.safeParse(text).error?.issues[0]?.message).toContain(message);
});

// 23 November 2026 is a Monday; Berlin is an hour ahead of UTC in winter, two in summer.
test.each([
  ["2026-11-23T07:59:59Z", false],
  ["2026-11-23T08:00:00Z", true],
  ["2026-11-23T15:59:59Z", true],
  ["2026-11-23T16:00:00Z", false],
  ["2026-11-22T10:00:00Z", false],
  ["2026-06-22T07:00:00Z", true],
  ["2026-06-22T15:00:00Z", false],
])("at %s it is open in Berlin: %s", (iso, expected) => {
  expect(isOpen("Mon-Fri 09:00-17:00 Europe/Berlin", iso)).toBe(expected);
});

test.each([
  ["2026-11-27T21:59:00Z", false], // Friday before
  ["2026-11-27T22:00:00Z", true],
  ["2026-11-28T01:59:00Z", true], // Saturday, and still Friday's
  ["2026-11-28T02:00:00Z", false],
  ["2026-11-28T22:30:00Z", false], // Saturday's own evening
  ["2026-11-27T01:00:00Z", false], // Friday morning would be Thursday's
])("hours over midnight belong to the day on which they begin: at %s %s", (iso, expected) => {
  expect(isOpen("Fri 22:00-02:00 UTC", iso)).toBe(expected);
});

test("a whole day ends with its last minute", () => {
  expect(isOpen("Sun 00:00-24:00 Asia/Kolkata", "2026-11-21T18:30:00Z")).toBe(true);
  expect(isOpen("Sun 00:00-24:00 Asia/Kolkata", "2026-11-22T18:29:00Z")).toBe(true);
  expect(isOpen("Sun 00:00-24:00 Asia/Kolkata", "2026-11-22T18:30:00Z")).toBe(false);
});

test("when clocks go back an hour, it is there twice; when they go forward, it is not there", () => {
  const night = "Sun 02:00-03:00 Europe/Berlin";
  // 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
  for (const iso of ["2026-10-25T00:00:00Z", "2026-10-25T00:59:00Z", "2026-10-25T01:00:00Z"])
    expect(isOpen(night, iso)).toBe(true);
  expect(isOpen(night, "2026-10-25T02:00:00Z")).toBe(false);
  // 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
  expect(isOpen(night, "2026-03-29T00:59:00Z")).toBe(false);
  expect(isOpen(night, "2026-03-29T01:00:00Z")).toBe(false);
});

test("what would last beyond the hours is closed from their end on", () => {
  const office = [hours("Mon-Fri 09:00-17:00 Europe/Berlin")];
  const startMs = ms("2026-11-23T15:58:30Z");
  expect(closedAt(office, { startMs, endMs: ms("2026-11-23T16:00:00Z") })).toBeUndefined();
  expect(closedAt(office, { startMs, endMs: ms("2026-11-23T16:00:01Z") })).toBe(ms("2026-11-23T16:00:00Z"));
});

test("several hours are open where one is, from one into the next", () => {
  const both = [hours("Mon 08:00-12:00 UTC"), hours("Mon 12:00-18:00 UTC")];
  expect(
    closedAt(both, { startMs: ms("2026-11-23T11:00:00Z"), endMs: ms("2026-11-23T13:00:00Z") }),
  ).toBeUndefined();
});

test("a week is open for as long as its hours say, in whatever zone and week of the year", () => {
  const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
  const clock = (minute: number): string =>
    [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
  fc.assert(
    fc.property(minute, minute, fc.integer({ min: 0, max: 51 }), (from, to, week) => {
      fc.pre(from !== to);
      // A zone without summer time, so that every day has its 24 hours.
      const weekly = hours(`Mon-Sun ${clock(from)}-${clock(to)} Asia/Tokyo`);
      const lengthMinutes = (to - from + 24 * 60) % (24 * 60);
      const dayMs = ms("2026-01-05T00:00:00+09:00") + week * 7 * 86_400_000;
      const startMs = dayMs + from * 60_000;
      const endMs = startMs + lengthMinutes * 60_000;
      expect(closedAt([weekly], { startMs, endMs })).toBeUndefined();
      expect(closedAt([weekly], { startMs, endMs: endMs + 1 })).toBe(endMs);
      expect(closedAt([weekly], { startMs: startMs - 1, endMs })).toBe(startMs - 1);
    }),
    { numRuns: 10 },
  );
});

test("a moment is told as a clock there shows it", () => {
  expect(formatMoment(ms("2026-11-22T23:30:00Z"), "Europe/Berlin")).toBe("Mon 23 Nov 00:30 Europe/Berlin");
});
