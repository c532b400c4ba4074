import { z } from "zod";

/**
 * Hours of the week in a time zone, "Mon-Fri 09:00-17:00 Europe/Berlin": what a clock on the wall there shows, also over a
 * change to or from summer time. Zones are Intl's, which has the table of the world.
 */
export interface Hours {
  /** As it was written. */
  readonly text: string;
  /** On which they begin. */
  readonly days: readonly Weekday[];
  /** Minutes since midnight. Those that end before they begin end on the next day. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timeZone: string;
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
type Weekday = (typeof weekdays)[number];

const minuteMs = 60_000;
const expected = 'expected hours such as "Mon-Fri 09:00-17:00 Europe/Berlin"';

export const hoursSchema = z.string({ error: expected }).transform((text, context): Hours => {
  const [, days = "", from = "", to = "", timeZone = ""] =
    /^(\S+)\s+(\d\d:\d\d)-(\d\d:\d\d)\s+(\S+)$/.exec(text.trim()) ?? [];
  const hours = {
    text: text.trim(),
    days: daysOf(days),
    fromMinute: minuteOf(from),
    toMinute: minuteOf(to),
    timeZone,
  };
  const message =
    hours.days.length === 0 || Number.isNaN(hours.fromMinute + hours.toMinute)
      ? expected
      : hours.fromMinute === hours.toMinute
        ? "expected an end other than the beginning; a whole day is 00:00-24:00"
        : isZone(timeZone)
          ? undefined
          : `unknown time zone "${timeZone}", expected one such as Europe/Berlin or UTC`;
  if (message === undefined) return hours;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/**
 * The first moment from `startMs` until `endMs` (epoch milliseconds) that is within none of the hours; `undefined` when all
 * of it is within some.
 */
export function closedAt(
  hours: readonly Hours[],
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): number | undefined {
  const isOpen = hours.map(opening);
  // Hours begin and end with a minute, and so do changes of the clock.
  for (let atMs = startMs; atMs < endMs; atMs = (Math.floor(atMs / minuteMs) + 1) * minuteMs)
    if (!isOpen.some((open) => open(atMs))) return atMs;
  return undefined;
}

/** "Mon 23 Nov 08:59 Europe/Berlin" */
export function formatMoment(atMs: number, timeZone: string): string {
  const { weekday, day, month, hour, minute } = partsOf(clockOf(timeZone), atMs);
  return `${weekday} ${day} ${month} ${hour}:${minute} ${timeZone}`;
}

function opening({ days, fromMinute, toMinute, timeZone }: Hours): (atMs: number) => boolean {
  const clock = clockOf(timeZone);
  return (atMs) => {
    const { weekday, hour, minute } = partsOf(clock, atMs);
    const today = weekdays.findIndex((name) => name === weekday);
    const atMinute = Number(hour) * 60 + Number(minute);
    const begins = (day: number): boolean => days.some((name) => name === weekdays.at(day));
    if (fromMinute < toMinute) return begins(today) && fromMinute <= atMinute && atMinute < toMinute;
    return (begins(today) && fromMinute <= atMinute) || (begins(today - 1) && atMinute < toMinute);
  };
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}

function partsOf(clock: Intl.DateTimeFormat, atMs: number): Readonly<Record<string, string>> {
  return Object.fromEntries(clock.formatToParts(atMs).map(({ type, value }) => [type, value]));
}

/** "Mon-Wed,Sat" -> its days; none when it is no such list. "Sat-Mon" goes on over the end of the week. */
function daysOf(text: string): readonly Weekday[] {
  const ranges = text.split(",").map((range) => {
    const [first = "", last = first, ...rest] = range.split("-");
    const from = weekdays.findIndex((name) => name === first);
    const to = weekdays.findIndex((name) => name === last);
    if (from === -1 || to === -1 || rest.length > 0) return [];
    const count = ((to - from + weekdays.length) % weekdays.length) + 1;
    return Array.from({ length: count }, (_, index) => weekdays[(from + index) % weekdays.length] ?? "Mon");
  });
  return ranges.some((days) => days.length === 0) ? [] : ranges.flat();
}

/** "09:30" -> 570; NaN when no clock shows it. "24:00" ends a day. */
function minuteOf(text: string): number {
  const [hour = NaN, minute = NaN] = text.split(":").map(Number);
  return hour < 24 && minute < 60 ? hour * 60 + minute : text === "24:00" ? 24 * 60 : NaN;
}

function isZone(timeZone: string): boolean {
  try {
    clockOf(timeZone);
    return true;
  } catch {
    return false; // a RangeError: Intl knows no such zone
  }
}
