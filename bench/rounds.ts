/** Figures by arm, one a round, in the order of the rounds. */
export type Rounds<Arm extends string, Figure> = Readonly<Record<Arm, readonly Figure[]>>;

/**
 * Measures every arm once a round, in an order that turns from round to round, so that what else the machine does falls
 * on all of them; and each once before, to warm up.
 */
export async function interleave<Arm extends string, Figure>(
  arms: readonly Arm[],
  rounds: number,
  measure: (arm: Arm) => Promise<Figure>,
): Promise<Rounds<Arm, Figure>> {
  const figures = Object.fromEntries(arms.map((arm) => [arm, [] as Figure[]])) as Record<Arm, Figure[]>;
  for (const arm of arms) await measure(arm);
  for (let round = 0; round < rounds; round += 1) {
    const first = round % arms.length;
    for (const arm of [...arms.slice(first), ...arms.slice(0, first)]) figures[arm].push(await measure(arm));
  }
  return figures;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** The median over the rounds of what two arms' figures of the same round give together. */
export function medianOfPairs<Figure>(
  ones: readonly Figure[],
  others: readonly Figure[],
  together: (one: Figure, other: Figure) => number,
): number {
  return median(ones.map((one, round) => together(one, others[round] as Figure)));
}

/** How far rounds of the same lie apart: the largest less the smallest, as a share of their median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
