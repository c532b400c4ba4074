import { describe, expect, it } from "vitest";
import type { AlertExpectation } from "../experiment/alert-expectation.ts";
import type { AlertLog, EvaluatedAlert } from "../record/alert-log.ts";
import { judgeAlert, type AlertFacts } from "./judge-alert.ts";

// A run of 60 s, evaluated each second; the fault begins after 20 s, the load ends after 50 s.
const zeroMs = 1_795_000_000_000;
const seconds = 60;
const fires = (withinMs: number): AlertExpectation => ({ alert: "Burns", expects: "fires", withinMs });
const silent: AlertExpectation = { alert: "Burns", expects: "stays-silent" };

const over = (value: number | null, from: number, to: number, else_: number | null = null) =>
  Array.from({ length: seconds }, (_, second) => (second >= from && second < to ? value : else_));
const never = over(null, 0, 0);

const evaluated = (more: Partial<EvaluatedAlert> = {}): EvaluatedAlert => ({
  name: "Burns",
  firing: never,
  series: over(3, 0, seconds),
  conditions: [
    { expr: "bad_ratio", comparison: ">", threshold: 0.1, values: over(0.04, 25, 30, 0) },
    { expr: "good_ratio", comparison: "<", threshold: 0.5, values: over(0.75, 25, 30, 1) },
  ],
  longestWindowMs: 30_000,
  ...more,
});

function judged(
  expectation: AlertExpectation,
  alert: Partial<EvaluatedAlert>,
  more: Partial<AlertFacts> = {},
  log: Partial<AlertLog> = {},
) {
  const facts: AlertFacts = {
    log: {
      version: 1,
      rules: "x.rules.yaml",
      scale: 120,
      startMs: zeroMs,
      everyMs: 1_000,
      evaluations: seconds,
      alerts: [evaluated(alert)],
      ...log,
    },
    zeroMs,
    injectedMs: 20_000,
    endMs: 50_000,
    ...more,
  };
  return judgeAlert("o1", expectation, facts);
}

describe("an alert that is to fire", () => {
  it("is held when it fires in time, with when and for how long", () =>
    expect(judged(fires(10_000), { firing: over(1, 24, 34) })).toMatchObject({
      kind: "alert",
      title: "Burns fires within 10 s of the fault",
      outcome: "held",
      measured: "fired 4 s after the fault began, for 10 s",
      why: "in time; windows are 1/120 of production's",
      alert: { firing: [{ startMs: 24_000, endMs: 34_000 }] },
    }));

  it("deviates when it fires too late", () =>
    expect(judged(fires(3_000), { firing: over(1, 24, 34) })).toMatchObject({
      outcome: "deviated",
      why: "too late; windows are 1/120 of production's",
    }));

  it("deviates when it stays silent, and says how near each condition came after the fault began", () =>
    expect(judged(fires(30_000), {}, {}, { scale: 1 })).toMatchObject({
      outcome: "deviated",
      measured: "silent",
      why: "bad_ratio reached 0.04 (fires > 0.1), good_ratio reached 0.75 (fires < 0.5)",
    }));

  it("is not judged when metrics end before its time is over", () =>
    expect(judged(fires(40_000), {})).toMatchObject({
      outcome: "inconclusive",
      why: "metrics end 39 s after the fault began; a longer recovery phase would tell",
    }));

  it("is not judged when it fires in time only since its windows were not full", () => {
    const objective = judged(fires(10_000), { firing: over(1, 24, 34), firingWithPast: over(1, 33, 35) });
    expect(objective).toMatchObject({
      outcome: "inconclusive",
      measured:
        "fired 4 s after the fault began, for 10 s; had the baseline gone on for 30 s before, " +
        "fired 13 s after the fault began, for 2 s",
    });
    expect(objective.why).toContain("a warm-up and a baseline as long would settle it");
    const inBoth = { firing: over(1, 24, 34), firingWithPast: over(1, 28, 35) };
    expect(judged(fires(10_000), inBoth).outcome).toBe("held");
    expect(judged(fires(2_000), inBoth).outcome).toBe("deviated");
  });

  it("is not judged when its rule never had anything to go by; when it lost it under the fault, it deviates", () => {
    const blind = evaluated().conditions.map((condition) => ({ ...condition, values: never }));
    expect(judged(fires(30_000), { conditions: blind })).toMatchObject({
      outcome: "inconclusive",
      why: "it had something to go by in 0 % of its evaluations under the fault and after",
    });
    const lost = blind.map((condition) => ({ ...condition, values: over(0, 0, 20) }));
    expect(judged(fires(30_000), { conditions: lost }).outcome).toBe("deviated");
  });
});

describe("an alert that is to stay silent", () => {
  it("is held when it does, and says how near it came", () =>
    expect(judged(silent, {})).toMatchObject({
      title: "Burns stays silent",
      outcome: "held",
      measured: "silent",
      why: expect.stringContaining("bad_ratio reached 0.04 (fires > 0.1)") as string,
    }));

  it("deviates when it fires, however short, also when the fault is over", () =>
    expect(judged(silent, { firing: over(1, 44, 45) }).outcome).toBe("deviated"));

  it("is not judged when it fires only since its windows were not full", () =>
    expect(judged(silent, { firing: over(1, 24, 34), firingWithPast: never }).outcome).toBe("inconclusive"));

  it("may have fired and gone before the fault", () =>
    expect(judged(silent, { firing: over(1, 3, 8) }).outcome).toBe("held"));

  it("is not judged when it had too little to go by: 24 of 31 evaluations from the fault to the load's end", () => {
    const conditions = [{ ...evaluated().conditions[0]!, values: over(0, 0, 44) }];
    expect(judged(silent, { conditions }).outcome).toBe("inconclusive");
    expect(judged(silent, { conditions: [{ ...conditions[0]!, values: over(0, 0, 45) }] }).outcome).toBe(
      "held",
    );
  });

  it("is judged by its series where its rule compares nothing with a number", () => {
    expect(judged(silent, { conditions: [] })).toMatchObject({
      outcome: "held",
      why: expect.stringContaining("its rule compares nothing with a number") as string,
    });
    expect(judged(silent, { conditions: [], series: never }).outcome).toBe("inconclusive");
  });
});

describe.each([fires(10_000), silent])("an alert of which is expected %j is not judged", (expectation) => {
  it.each([
    ["it fired before the fault", { firing: over(1, 15, 30) }, {}],
    ["it would have fired before the fault, had windows been full", { firingWithPast: over(1, 15, 30) }, {}],
    ["no fault was injected", { firing: over(1, 24, 34) }, { injectedMs: undefined }],
    ["the run ended before its rules were evaluated", {}, { log: undefined }],
  ])("when %s", (_, alert, more) => expect(judged(expectation, alert, more).outcome).toBe("inconclusive"));

  it("when its rules could not be evaluated, and says why", () =>
    expect(judged(expectation, {}, {}, { alerts: [], problem: "promtool was killed" })).toMatchObject({
      outcome: "inconclusive",
      why: "promtool was killed",
    }));
});
