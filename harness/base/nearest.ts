/**
 * The one of `known` that `given` was most likely meant to be, by edit distance; `undefined` when none is near (more
 * than a third of its letters differ).
 */
export function nearest(given: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `from` into `to` (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      let distance = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (isSame ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) distance = Math.min(distance, at(beforePrevious, column - 2) + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}

/** `unknown edge "order -> paymet", did you mean "order -> payment"?` */
export function unknownName(what: string, given: string, known: readonly string[]): string {
  const near = nearest(given, known);
  if (near !== undefined) return `unknown ${what} "${given}", did you mean "${near}"?`;
  if (known.length === 0) return `unknown ${what} "${given}": there is none`;
  const listed = known.slice(0, 12).join(", ") + (known.length > 12 ? ", …" : "");
  return `unknown ${what} "${given}", expected ${known.length > 1 ? "one of " : ""}${listed}`;
}
