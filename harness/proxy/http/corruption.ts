import type { Random } from "../../base/random.ts";

/**
 * A copy of some bytes of which `count`, or all when there are fewer, are others; each is surely changed.
 */
export function corruptBytes(bytes: Buffer, count: number, random: Random): Buffer {
  const corrupted = Buffer.from(bytes);
  const changed = Math.min(count, bytes.length);
  // Floyd's sample of distinct positions (Bentley, Floyd: A Sample of Brilliance, 1987).
  const positions = new Set<number>();
  for (let last = bytes.length - changed; last < bytes.length; last += 1) {
    const drawn = random.integer(0, last + 1);
    positions.add(positions.has(drawn) ? last : drawn);
  }
  for (const position of positions) corrupted[position] = (corrupted[position] ?? 0) ^ random.integer(1, 256);
  return corrupted;
}
