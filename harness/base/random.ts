/**
 * Seeded randomness: the same seed gives the same numbers on every machine. `fork` derives an independent stream by
 * name, so that draws in one place never shift those in another.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number, uniform in [from, below). */
  integer(from: number, below: number): number;
  /** One element, uniformly. @throws {RangeError} when `items` is empty */
  pick<T>(items: readonly T[]): T;
  /** Exponentially distributed with the given mean: the gaps of a Poisson process. */
  exponential(mean: number): number;
  /** An independent stream, decided by this stream's seed and `name` alone. */
  fork(name: string): Random;
}

/** A random stream for a seed: a whole number or any text. */
export function createRandom(seed: string | number): Random {
  const key = String(seed);
  const next = sfc32(key);
  const random: Random = {
    next,
    integer: (from, below) => from + Math.floor(next() * (below - from)),
    pick(items) {
      if (items.length === 0) throw new RangeError("cannot pick from an empty list");
      return items[Math.floor(next() * items.length)] as (typeof items)[number];
    },
    exponential: (mean) => -Math.log(1 - next()) * mean,
    fork: (name) => createRandom(`${key}/${name}`),
  };
  return random;
}

/** sfc32 of Chris Doty-Humphrey's PractRand, seeded by four rounds of {@link hash32}; 53-bit output. */
function sfc32(key: string): () => number {
  let a = hash32(key, 0x9e3779b9);
  let b = hash32(key, 0x243f6a88);
  let c = hash32(key, 0xb7e15162);
  let counter = 1;
  const draw32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round += 1) draw32();
  return () => ((draw32() >>> 5) * 2 ** 26 + (draw32() >>> 6)) / 2 ** 53;
}

/** FNV-1a over UTF-16 units from a given basis, finished by MurmurHash3's fmix32. */
function hash32(text: string, basis: number): number {
  let hash = (0x811c9dc5 ^ basis) >>> 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}
