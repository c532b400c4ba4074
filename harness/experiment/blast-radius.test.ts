import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../base/yaml-document.ts";
import { parseTarget } from "../target/load-target.ts";
import { targetEdges } from "../target/target-edge.ts";
import { blastRadius } from "./blast-radius.ts";
import { faultSchema, type Fault } from "./fault.ts";
import { describeBreach, hoursBreaches, limitBreaches, requireNoBreach } from "./limit-breach.ts";

const shopFile = join(import.meta.dirname, "../../target-system/target.yaml");
const document = parse(readFileSync(shopFile, "utf8")) as Record<string, unknown>;
const shop = parseTarget(document, shopFile);
const withLimits = (limits: unknown) => parseTarget({ ...document, limits }, shopFile);

function faults(...yaml: readonly string[]): readonly Fault[] {
  return yaml.map((text) =>
    checkDocument(plainDocument(parse(text), "x.yaml", "fault"), faultSchema(targetEdges(shop))),
  );
}

const radius = (...yaml: readonly string[]) =>
  blastRadius({ faults: faults(...yaml), phases: { faultMs: 20_000 } }, shop);

const breaches = (limits: unknown, ...yaml: readonly string[]): readonly string[] =>
  limitBreaches(radius(...yaml), withLimits(limits).limits).map(describeBreach);

describe("what is hit at first hand", () => {
  test.each([
    ["down: { edge: order -> payment }", ["order"]],
    ["down: { edge: client -> gateway }", ["gateway"]],
    ["latency: { edge: order -> order-db, delay: 1s }", ["order"]],
    ["kill: { process: payment }", ["payment"]],
    ["kill: { process: user-db }", ["user"]],
  ])("by %s is %j", (yaml, services) => {
    expect(radius(yaml).services).toEqual(services);
  });

  // Kinds that name a process with its peer, or a service: touched by what they name, whatever they are called.
  test.each([
    [{ kind: "partition", process: "order", from: "payment" }, ["order"], ["order -> payment"]],
    [{ kind: "partition", process: "payment-db", from: "payment" }, ["payment"], ["payment -> payment-db"]],
    [{ kind: "dns", process: "payment", callee: "gateway-a" }, ["payment"], ["payment -> gateway-a"]],
    [{ kind: "pause", process: "catalog" }, ["catalog"], []],
    [{ kind: "replicas", service: "catalog", count: 1 }, ["catalog"], []],
  ])("by %j is told by what it names", (fault, services, edges) => {
    const given = blastRadius({ faults: [fault as unknown as Fault], phases: { faultMs: 1_000 } }, shop);
    expect(given).toMatchObject({ services, edges });
  });
});

describe("the share of an edge that is taken", () => {
  test.each([
    [["down: { edge: order -> payment }"], 1],
    [["timeout: { edge: order -> payment, toxicity: 30% }"], 0.3],
    [["http-abort: { edge: order -> payment, probability: 50%, every: 5 }"], 0.1],
    [
      [
        "http-abort: { edge: order -> payment, probability: 20% }",
        "http-delay: { edge: order -> payment, delay: 1s, probability: 30% }",
      ],
      0.5,
    ],
    [
      [
        "http-abort: { edge: order -> payment, probability: 20%, for: 5s }",
        "http-delay: { edge: order -> payment, delay: 1s, probability: 30%, at: 5s }",
      ],
      0.3,
    ],
    [
      [
        "http-abort: { edge: order -> payment, probability: 20% }",
        "http-abort: { edge: order -> catalog, probability: 30% }",
      ],
      0.3,
    ],
    [["http-abort: { edge: order -> payment, probability: 1% }", "kill: { process: user }"], 1],
  ])("by %j is %d", (yaml, ratio) => {
    expect(radius(...yaml).largestShareRatio).toBeCloseTo(ratio, 10);
  });
});

describe("the share of what clients ask", () => {
  test.each([
    ["latency: { edge: client -> gateway, delay: 1s, toxicity: 20% }", "connections", 0.2],
    ["http-status: { edge: client -> gateway, status: 503, probability: 10% }", "calls", 0.1],
    ["kill: { process: gateway }", "connections", 1],
  ])("is known at the entry: %s", (yaml, of, ratio) => {
    expect(radius(yaml).traffic).toEqual({ kind: "known", of, ratio });
  });

  test.each([
    ["down: { edge: order -> payment }", "which journeys need order -> payment"],
    ["kill: { process: user-db }", "which journeys need user-db"],
    ["http-abort: { edge: client -> gateway, match: POST }", "how many calls match"],
    ["http-abort: { edge: client -> gateway, nth: 2 }", "the faults count calls"],
  ])("is not known of %s, and why is said", (yaml, why) => {
    expect(radius(yaml).traffic).toMatchObject({
      kind: "unknown",
      why: expect.stringContaining(why) as string,
    });
  });
});

describe("a limit", () => {
  test.each([
    [
      { never: ["user-db"] },
      "down: { edge: user -> user-db }",
      "never: no fault may touch user-db, given down (faults[0])",
    ],
    [{ never: ["user-db"] }, "kill: { process: user-db }", "given kill (faults[0])"],
    [{ never: ["user"] }, "kill: { process: user-db }", "no fault may touch user, given kill"],
    [
      { never: ["order -> payment"] },
      "down: { edge: order -> payment }",
      "no fault may touch order -> payment",
    ],
    [{ "max-share": "20%" }, "down: { edge: order -> payment }", "max-share: at most 20 %, given 100 %"],
    [
      { "max-duration": "5s" },
      "down: { edge: order -> payment, at: 1s }",
      "max-duration: at most 5 s, given 19 s of down (faults[0])",
    ],
  ])("%j is gone beyond by %s", (limits, yaml, message) => {
    expect(breaches(limits, yaml)).toEqual([expect.stringContaining(message) as string]);
  });

  test.each([
    [{ never: ["user-db"] }, "down: { edge: gateway -> user }"],
    [{ never: ["order -> payment"] }, "kill: { process: payment }"],
    [{ "max-services": 1 }, "down: { edge: order -> payment }"],
    [{ "max-share": "20%" }, "http-abort: { edge: order -> payment, probability: 20% }"],
    [{ "max-duration": "19s" }, "down: { edge: order -> payment, at: 1s }"],
  ])("%j is kept by %s", (limits, yaml) => {
    expect(breaches(limits, yaml)).toEqual([]);
  });

  test("of services counts each once, over all faults", () => {
    const both = ["down: { edge: order -> payment }", "kill: { process: order-db }"];
    expect(breaches({ "max-services": 1 }, ...both)).toEqual([]);
    expect(breaches({ "max-services": 1 }, ...both, "kill: { process: user }")).toEqual([
      "max-services: at most 1, given 2: user, order",
    ]);
  });

  test("of hours is gone beyond when they are over before the end, and told in their zone", () => {
    const { limits } = withLimits({ hours: "Mon-Fri 09:00-17:00 Europe/Berlin" });
    const startMs = Date.parse("2026-11-23T15:59:00Z");
    expect(hoursBreaches({ startMs, endMs: startMs + 60_000 }, limits)).toEqual([]);
    expect(hoursBreaches({ startMs, endMs: startMs + 61_000 }, limits).map(describeBreach)).toEqual([
      "hours: Mon-Fri 09:00-17:00 Europe/Berlin, given a time that goes on past Mon 23 Nov 17:00 Europe/Berlin",
    ]);
    const sundayMs = Date.parse("2026-11-22T11:00:00Z");
    expect(hoursBreaches({ startMs: sundayMs, endMs: sundayMs + 1 }, limits).map(describeBreach)).toEqual([
      "hours: Mon-Fri 09:00-17:00 Europe/Berlin, given now, Sun 22 Nov 12:00 Europe/Berlin",
    ]);
  });

  test("that is gone beyond is told with all others, and ends with 3", () => {
    const target = withLimits({ never: ["payment"], "max-duration": "5s" });
    const found = limitBreaches(radius("down: { edge: order -> payment }"), target.limits);
    expect(() => requireNoBreach(found, { what: "x.yaml", target })).toThrow(
      expect.objectContaining({
        code: "SQUALL_LIMITS",
        exitCode: 3,
        message: [
          "x.yaml goes beyond the limits of shop; nothing was injected",
          "  never: no fault may touch payment, given down (faults[0])",
          "  max-duration: at most 5 s, given 20 s of down (faults[0])",
        ].join("\n"),
      }),
    );
  });
});

test.each([
  [{ never: ["userdb"] }, 'unknown part "userdb", did you mean "user-db"?'],
  [{ never: ["payment -> order"] }, 'unknown edge "payment -> order"'],
  [{ never: [] }, "expected at least one part or edge"],
  [{ "max-services": 0 }, "expected at least one service"],
  [{ "max-share": "2" }, 'expected a share from "0%" to "100%", got "2"'],
  [{ "max-duration": "5" }, 'expected a duration such as "200ms", got "5"'],
  [{ hours: ["Mon 09:00-17:00 UTC", "Tue"] }, "limits.hours[1]  expected hours such as"],
  [{ hours: "Mon 09:00-17:00 Mars/Base" }, 'unknown time zone "Mars/Base"'],
  [{ "max-service": 1 }, 'unknown key "max-service", did you mean "max-services"?'],
])("limits of %j are refused", (limits, message) => {
  expect(() => withLimits(limits)).toThrow(message);
});

test("a target without limits allows everything, at any time", () => {
  expect(shop.limits).toEqual({ never: [], hours: [] });
});
