import pc from "picocolors";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { LoadState } from "../engine/live-reporter.ts";
import { parseExperiment } from "../experiment/load-experiment.ts";
import { liveView, panel, plainView } from "./view.ts";

const experiment = parseExperiment(
  {
    title: "A slow payment gateway does not take checkout down, nor does it take anything else",
    target: "target.yaml",
    load: { journey: "shopper", rate: "60/s" },
    faults: [{ latency: { edge: "payment -> gateway-a", delay: "3s" } }],
    hypothesis: [{ recovers: { within: "10s" } }],
  },
  "/x.yaml",
);

const inFault: LoadState = {
  phase: "fault",
  elapsedMs: 30_400,
  phaseElapsedMs: 10_000,
  phaseDurationMs: 20_000,
  ratePerSecond: 60,
  successRatio: 0.9912,
  p95Ms: 312,
  activeFaults: ["latency of 3 s on payment -> gateway-a"],
};

const colors = pc.createColors(false);

function screen(): { write(text: string): void; rows(): readonly string[]; isTTY: true; columns: number } {
  const rows: string[] = [];
  return {
    isTTY: true,
    columns: 60,
    write(text) {
      const [cursor, up] = text.startsWith("\u001b[") ? text.slice(2).split("A") : [];
      if (up === "\u001b[J") rows.splice(rows.length - Number(cursor));
      else rows.push(...text.split("\n").slice(0, -1));
    },
    rows: () => rows,
  };
}

describe("the live panel", () => {
  test("says phase, progress, rate, success, p95, what is broken and what Ctrl-C does", () => {
    const lines = panel(inFault, { experiment, isInterrupted: false, colors, columns: 80 });
    expect(lines.slice(1)).toEqual([
      "✓ warm-up ✓ baseline ▸ fault · recovery",
      `${"█".repeat(30)}${"░".repeat(30)} 10 s of 20 s`,
      "60/s · success 99.12 % · p95 312 ms",
      "broken: latency of 3 s on payment -> gateway-a",
      "Ctrl-C undoes it, reports and stops",
    ]);
  });

  test.each([40, 41, 60, 80, 200])("fits %i columns, whatever it says", (columns) => {
    for (const state of [inFault, { phase: "preparing", message: "x".repeat(300) } as const])
      for (const line of panel(state, { experiment, isInterrupted: false, colors, columns }))
        expect([...line].length).toBeLessThan(columns);
  });

  test("before a fault and after it, nothing is said to be broken", () => {
    const state = { ...inFault, phase: "baseline", activeFaults: [] } as const;
    const lines = panel(state, { experiment, isInterrupted: false, colors, columns: 80 });
    expect(lines).toContain("nothing is broken now");
    expect(lines.at(-1)).toBe("Ctrl-C stops the run and reports");
  });

  test("once interrupted it asks to wait for the undo", () => {
    const lines = panel(inFault, { experiment, isInterrupted: true, colors, columns: 80 });
    expect(lines.at(-1)).toBe("undoing, then reporting: please wait");
  });

  test("is redrawn in place, with events scrolling by above it, and is gone at the end", () => {
    const output = screen();
    const view = liveView(output, colors, experiment);
    view.live(inFault);
    view.live({ ...inFault, phaseElapsedMs: 12_000 });
    view.journal({ atMs: 0, event: "interrupted", signal: "SIGINT" });
    view.live({ ...inFault, phaseElapsedMs: 14_000 });

    expect(output.rows().filter((row) => row.includes("of 20 s"))).toEqual([
      expect.stringContaining("14 s of 20 s"),
    ]);
    expect(output.rows()[0]).toBe("00:00:00  interrupted by SIGINT");

    view[Symbol.dispose]();
    view[Symbol.dispose]();
    expect(output.rows()).toEqual(["00:00:00  interrupted by SIGINT"]);
  });

  test("uses colour only when asked to", () => {
    const options = { experiment, isInterrupted: false, columns: 80 };
    const plain = panel(inFault, { ...options, colors });
    const coloured = panel(inFault, { ...options, colors: pc.createColors(true) });
    expect(coloured).not.toEqual(plain);
    expect(coloured.map((line) => stripVTControlCharacters(line))).toEqual(plain);
  });
});

describe("plain lines", () => {
  test("tell each event and each new step once, and the figures every five seconds", () => {
    const written: string[] = [];
    const output = { write: (text: string) => void written.push(text), isTTY: false, columns: undefined };
    const view = plainView(output, () => new Date(0));
    view.live({ phase: "preparing", message: "order is ready" });
    view.live({ phase: "preparing", message: "order is ready" });
    for (let elapsedMs = 0; elapsedMs <= 10_000; elapsedMs += 500)
      view.live({ ...inFault, elapsedMs, phaseElapsedMs: elapsedMs });
    view.journal({ atMs: 61_000, event: "phase-started", phase: "recovery" });

    expect(written).toEqual([
      "00:00:00  order is ready\n",
      "00:00:00  fault 0 s of 20 s: 60/s · success 99.12 % · p95 312 ms\n",
      "00:00:00  fault 5 s of 20 s: 60/s · success 99.12 % · p95 312 ms\n",
      "00:00:00  fault 10 s of 20 s: 60/s · success 99.12 % · p95 312 ms\n",
      "00:01:01  recovery began\n",
    ]);
  });
});
