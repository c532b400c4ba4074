import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isSaid, readPage } from "./game-day.fixture.ts";

const page = readFileSync(new URL("../../docs/game-day.md", import.meta.url), "utf8");

test("the commands of docs/game-day.md are taken out of it in order, with what they say", () => {
  const steps = readPage(page);
  expect(steps[0]).toMatchObject({
    kind: "type",
    command: "npx squall validate chaos/payment-gateway-slow.yaml\n",
  });
  expect(steps.filter(({ kind }) => kind === "interrupt")).toMatchObject([
    { terminal: "rehearsal" },
    { terminal: "load" },
  ]);
  expect(steps.filter(({ kind }) => kind === "open")).toHaveLength(3);
  const commands = steps.flatMap((step) => ("command" in step ? [step.command] : []));
  // All but those that are skipped: the stack with Grafana and Jaeger, and Jaeger's page.
  expect(page.match(/^```sh$/gm)).toHaveLength(commands.length + 2);
});

test("numbers may differ from the page, and what it leaves out may be anything; nothing else", () => {
  const shown = ["latency-1: 3 s", "…", "ends in 4 min 32 s", "… all"];
  expect(isSaid(shown, "latency-2: 2.5 s\nends in 12 s\nand all\n")).toBe(true);
  expect(isSaid(shown, "latency-2: 2.5 s\nmore\nand more\nends in 1 min\nthat is all")).toBe(true);
  expect(isSaid(shown, "latency-2: 2.5 s\nends in 12 s\n")).toBe(false);
  expect(isSaid(shown, "first\nlatency-2: 2.5 s\nends in 12 s\nand all")).toBe(false);
  expect(isSaid(['{gateway="gateway-a"} => 2'], '{gateway="gateway-b"} => 2')).toBe(false);
});
