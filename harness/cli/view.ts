import { formatDuration, formatRatio } from "../base/units.ts";
import type { LiveState, LoadState } from "../engine/live-reporter.ts";
import { timelineEvents } from "../engine/timeline-events.ts";
import type { Experiment } from "../experiment/experiment.ts";
import type { JournalLine } from "../record/journal.ts";
import { print, type Colors } from "./command-context.ts";
import type { Output } from "./host.ts";
import { cut, redrawn } from "./redrawn.ts";

/** What a person sees of a run while it goes on. */
export interface View extends Disposable {
  journal(line: JournalLine): void;
  live(state: LiveState): void;
  /** A line that stays. */
  note(text: string): void;
  /** From now on, Ctrl-C has been pressed. */
  interrupted(): void;
}

const plainEveryMs = 5_000;

/** Timestamped lines, for logs and pipes: each event, each new step, and the figures every few seconds. */
export function plainView(output: Output, now: () => Date = () => new Date()): View {
  let lastMessage = "";
  let nextFiguresMs = 0;
  const say = (text: string, at: Date = now()): void =>
    print(output, `${at.toISOString().slice(11, 19)}  ${text}`);
  return {
    journal(line) {
      const text = eventText(line);
      if (text !== undefined) say(text, new Date(line.atMs));
    },
    live(state) {
      if ("message" in state) {
        if (state.message !== lastMessage) say(state.message);
        lastMessage = state.message;
      } else if (state.elapsedMs >= nextFiguresMs) {
        say(`${phaseWords[state.phase]} ${progressText(state)}: ${figuresText(state)}`);
        nextFiguresMs = state.elapsedMs + plainEveryMs;
      }
    },
    note: (text) => say(text),
    interrupted: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

/** A panel of a few lines that is redrawn in place; events scroll by above it. */
export function liveView(output: Output, colors: Colors, experiment: Experiment): View {
  const screen = redrawn(output);
  let state: LiveState = { phase: "preparing", message: "starting" };
  let isInterrupted = false;

  const draw = (): void =>
    screen.draw(panel(state, { experiment, isInterrupted, colors, columns: output.columns ?? 80 }));
  return {
    journal(line) {
      const text = eventText(line);
      if (text === undefined) return;
      screen.say(`${colors.dim(new Date(line.atMs).toISOString().slice(11, 19))}  ${text}`);
      draw();
    },
    live(next) {
      state = next;
      draw();
    },
    note(text) {
      screen.say(text);
      draw();
    },
    interrupted() {
      isInterrupted = true;
      draw();
    },
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  };
}

export interface PanelOptions {
  readonly experiment: Experiment;
  readonly isInterrupted: boolean;
  readonly colors: Colors;
  /** Width of the terminal, in characters; below 40 the panel is cut off, not broken. */
  readonly columns: number;
}

const phaseNames = ["warmup", "baseline", "fault", "recovery"] as const;
const phaseWords = { warmup: "warm-up", baseline: "baseline", fault: "fault", recovery: "recovery" } as const;

/** The lines of the live view; none is wider than the terminal, so that each takes one row. */
export function panel(
  state: LiveState,
  { experiment, isInterrupted, colors, columns }: PanelOptions,
): readonly string[] {
  const width = columns - 1;
  const fit = (text: string): string => cut(text, width);
  const title = colors.bold(fit(experiment.title));
  if ("message" in state)
    return [title, fit(`${state.phase}: ${state.message}`), colors.dim(fit(keyText(state, isInterrupted)))];

  const at = phaseNames.indexOf(state.phase);
  const rail = phaseNames.map(
    (name, index) => `${index < at ? "✓" : index > at ? "·" : "▸"} ${phaseWords[name]}`,
  );
  const progress = progressText(state);
  const barWidth = Math.max(0, Math.min(60, width - progress.length - 1));
  const filled = Math.round(
    barWidth * Math.min(1, Math.max(0, state.phaseElapsedMs / state.phaseDurationMs)),
  );
  const broken = state.activeFaults.length > 0;
  return [
    title,
    fit(rail.join(" ")),
    fit(`${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${progress}`),
    fit(figuresText(state)),
    broken ? colors.red(fit(`broken: ${state.activeFaults.join("; ")}`)) : fit("nothing is broken now"),
    colors.dim(fit(keyText(state, isInterrupted))),
  ];
}

function eventText(line: JournalLine): string | undefined {
  return timelineEvents([line], line.atMs)[0]?.text;
}

function progressText({ phaseElapsedMs, phaseDurationMs }: LoadState): string {
  const elapsedMs = Math.min(phaseDurationMs, Math.max(0, Math.floor(phaseElapsedMs / 1_000) * 1_000));
  return `${formatDuration(elapsedMs)} of ${formatDuration(phaseDurationMs)}`;
}

function figuresText({ ratePerSecond, successRatio, p95Ms }: LoadState): string {
  const success = successRatio === undefined ? "nothing ended yet" : `success ${formatRatio(successRatio)}`;
  return [
    ...(ratePerSecond === undefined
      ? []
      : [`${Number(ratePerSecond.toFixed(ratePerSecond < 10 ? 2 : 0))}/s`]),
    success,
    ...(p95Ms === undefined ? [] : [`p95 ${formatDuration(p95Ms)}`]),
  ].join(" · ");
}

function keyText(state: LiveState, isInterrupted: boolean): string {
  if (isInterrupted) return "undoing, then reporting: please wait";
  if (!("message" in state) && state.activeFaults.length > 0) return "Ctrl-C undoes it, reports and stops";
  return state.phase === "judging" ? "almost done" : "Ctrl-C stops the run and reports";
}
