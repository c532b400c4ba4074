import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { arrivalsOf, drive } from "./drive.ts";
import type { LoadPlan } from "./driver.ts";
import { journeys } from "./fixtures/journeys.ts";
import { createStartClock } from "./start-clock.ts";
import { linesOf, planOf, poisson } from "./fixtures/plans.ts";
import { startScriptedServer, type ScriptedServer } from "./fixtures/scripted-server.ts";

let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const arrivalsAt = (ratePerSecond: number, durationMs = 400): LoadPlan["arrivals"] =>
  poisson(ratePerSecond, durationMs);

/** Drives the journeys of the fixtures in this process, which takes less time than one of their own. */
async function driveToEnd(changes: Partial<LoadPlan>) {
  const never = new AbortController().signal;
  using clock = createStartClock();
  const plan = planOf(server, changes);
  const result = await drive({
    plan,
    arrivals: arrivalsOf(plan),
    clock,
    startAtMs: systemClock.nowMs(),
    journeys,
    onNews: () => undefined,
    stop: never,
    cut: never,
  });
  return { result, ...linesOf(plan.historyFile) };
}

it("steps under way at once are intended at one time, and the next when the last of them ended", async () => {
  const { operations, journeys } = await driveToEnd({
    mix: { "both-at-once": 1 },
    arrivals: arrivalsAt(50, 100),
  });
  expect(journeys.length).toBeGreaterThan(0);
  for (const { arrival, intendedMs } of journeys) {
    const steps = operations.filter((step) => step.arrival === arrival);
    const named = Object.fromEntries(steps.map((step) => [step.step, step]));
    expect(Object.keys(named)).toEqual(["slow", "slower", "after"]);
    expect([named["slow"]?.intendedMs, named["slower"]?.intendedMs]).toEqual([intendedMs, intendedMs]);
    expect(named["after"]?.intendedMs).toBe(named["slower"]?.endedMs);
  }
});

it("bodies go as what they are: JSON, a text, a form, or what the journey says", async () => {
  await driveToEnd({ mix: { contents: 1 }, arrivals: arrivalsAt(20, 200) });
  const sent = server.seen.map(
    ({ method, headers, body }) => `${method} ${String(headers["content-type"])} ${body}`,
  );
  expect([...new Set(sent)].sort()).toEqual([
    "DELETE application/json [1]",
    "PATCH application/x-www-form-urlencoded;charset=utf-8 a=1+2",
    "POST application/xml <a/>",
    "PUT text/plain;charset=utf-8 plain",
  ]);
});

describe("virtual users", () => {
  /** Which user came, and which visit of theirs it was, in the order of the requests. */
  const visits = () =>
    server.seen.map(({ url }) => {
      const { searchParams } = new URL(url, server.baseUrl);
      return { user: Number(searchParams.get("user")), visit: Number(searchParams.get("visit")) };
    });

  it("are made as they are needed, one journey at a time each, and find their session again", async () => {
    const { result, journeys } = await driveToEnd({ mix: { remembers: 1 }, arrivals: arrivalsAt(60, 1_000) });
    expect(result.users).toBeLessThan(journeys.length);
    expect(new Set(visits().map(({ user }) => user)).size).toBe(result.users);
    for (let user = 0; user < result.users; user += 1) {
      const own = visits().filter((visit) => visit.user === user);
      expect(own.map(({ visit }) => visit)).toEqual(own.map((_, index) => index + 1));
    }
  });

  it("are no more than allowed: an arrival that finds all of them busy is on record as not sent", async () => {
    const { result, journeys } = await driveToEnd({
      mix: { slow: 1 },
      users: { kind: "as-needed", most: 2 },
      arrivals: arrivalsAt(100),
    });
    expect(result).toMatchObject({ users: 2, started: journeys.length, intended: journeys.length });
    const refused = journeys.filter(({ completion }) => completion !== "ok");
    expect(refused.length).toBeGreaterThan(journeys.length / 2);
    expect(refused.length).toBeLessThan(journeys.length);
    for (const { error, operations } of refused)
      expect({ error, operations }).toEqual({
        error: { kind: "not-sent", message: "all 2 virtual users were busy" },
        operations: 0,
      });
  });

  it("who are drawn are drawn by the seed: the same user for the same arrival in every run", async () => {
    const draw = async (seed: string) => {
      const before = server.seen.length;
      const users = { kind: "drawn", of: 5 } as const;
      const { result } = await driveToEnd({ seed, users, mix: { remembers: 1 }, arrivals: arrivalsAt(100) });
      expect(result.users).toBeLessThanOrEqual(5);
      return visits()
        .slice(before)
        .map(({ user }) => user)
        .sort();
    };
    const first = await draw("a");
    expect(first.length).toBeGreaterThan(20);
    expect(await draw("a")).toEqual(first);
    expect(await draw("b")).not.toEqual(first);
  });

  it("keep the cookies they were given, and send what the journey sets instead", async () => {
    const users = { kind: "drawn", of: 3 } as const;
    await driveToEnd({ users, mix: { "with-cookies": 1 }, arrivals: arrivalsAt(60) });
    const cookies = new Set(
      server.seen.filter(({ url }) => url === "/ok").map(({ headers }) => headers["cookie"]),
    );
    expect([...cookies].sort()).toEqual(["mine=1", "user=0", "user=1", "user=2"]);
  });
});
