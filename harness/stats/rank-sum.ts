/**
 * The rank-sum test of Mann and Whitney (1947), one-sided and exact: how likely it is that so many pairs have the first
 * set's value above the second's, were both sets drawn from the same. It asks for no distribution, and one wild value
 * counts as one. A pair that ties counts as not above, so ties make it larger than it is, never smaller.
 *
 * For sets of a few dozen: time grows with the product of their squares.
 */
export function rankSumTail(above: readonly number[], below: readonly number[]): number {
  let pairs = 0;
  for (const high of above) for (const low of below) if (high > low) pairs += 1;
  const ways = waysByPairs(above.length, below.length);
  let tail = 0;
  let all = 0;
  for (const [count, number] of ways.entries()) {
    all += number;
    if (count >= pairs) tail += number;
  }
  return tail / all;
}

/** In how many orders of n + m values so many of the n * m pairs have the first above, by that number of pairs. */
function waysByPairs(n: number, m: number): Float64Array {
  // By how many of the second set there are: an order of all ends with one of the first, above all m, or of the second.
  let byCount: Float64Array[] = Array.from({ length: m + 1 }, () => Float64Array.of(1));
  for (let first = 1; first <= n; first += 1) {
    const next: Float64Array[] = [Float64Array.of(1)];
    for (let second = 1; second <= m; second += 1) {
      const ways = new Float64Array(first * second + 1);
      byCount[second]?.forEach((number, pairs) => (ways[pairs + second] = number));
      next[second - 1]?.forEach((number, pairs) => (ways[pairs] = (ways[pairs] ?? 0) + number));
      next.push(ways);
    }
    byCount = next;
  }
  return byCount[m] ?? Float64Array.of(1);
}
