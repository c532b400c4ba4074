/** One line of the table that the bench ends with. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly outcome: "met" | "MISSED" | "not measured";
}

export function atLeast(what: string, value: number, limit: number, format = times): Goal {
  return {
    what,
    goal: `>= ${format(limit)}`,
    measured: format(value),
    outcome: value >= limit ? "met" : "MISSED",
  };
}

export function atMost(what: string, value: number, limit: number, format = times): Goal {
  return {
    what,
    goal: `<= ${format(limit)}`,
    measured: format(value),
    outcome: value <= limit ? "met" : "MISSED",
  };
}

export function notMeasured(what: string, goal: string, because: string): Goal {
  return { what, goal, measured: because, outcome: "not measured" };
}

export function goalTable(goals: readonly Goal[]): string {
  return goals
    .map(({ what, goal, measured, outcome }) =>
      [outcome.padEnd(14), what.padEnd(64), goal.padEnd(12), measured].join(""),
    )
    .join("\n");
}

export function times(value: number): string {
  return `${value.toFixed(2)}x`;
}

export function milliseconds(value: number): string {
  return `${value.toFixed(3)} ms`;
}

/** With its sign: what is added to something. */
export function addedMilliseconds(value: number): string {
  return `${value < 0 ? "" : "+"}${milliseconds(value)}`;
}

export function megabytes(value: number): string {
  return `${value.toFixed(1)} MB`;
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
