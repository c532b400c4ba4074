import { formatEdge } from "../../harness/base/edge.ts";
import { createRandom, type Random } from "../../harness/base/random.ts";
import { targetEdges, type TargetEdge } from "../../harness/target/target-edge.ts";
import type { Target } from "../../harness/target/target.ts";

/**
 * A storm: an experiment in which every part of a fleet that can be broken is, one short fault after another, several at a
 * time, at moments that a seed decides.
 *
 *   target ─┬→ services, stores ─→ each killed once, in turn ──────────────────────────┐
 *           └→ edges ─→ each cut, slowed, answered with errors, made to lose answers, ─┴→ faults with times, as an
 *                       and to deliver twice, as far as what is spoken there allows       experiment has them
 *
 * The outside world is not killed: its ledgers and mailboxes are in memory, and are what the fleet is checked against.
 */
export interface StormOptions {
  readonly seed: string;
  /** Length of the fault phase; its last part is left calm, so that no fault is cut short. */
  readonly lengthMs: number;
}

/** A fault as an experiment writes it: `{ down: { edge, at, for } }`. */
export type StormFault = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

/** How long a fault of an edge lasts, and a process stays dead. */
const faultMs = { least: 1_000, most: 3_500 } as const;
const deadMs = { least: 100, most: 1_500 } as const;
/** A killed process has that long to start before the phase ends. */
const calmMs = 6_000;

export function stormOf(target: Target, { seed, lengthMs }: StormOptions): readonly StormFault[] {
  const random = createRandom(seed).fork("storm");
  const endMs = lengthMs - calmMs;
  const faults = [
    ...kills(target, random.fork("kills"), endMs),
    ...targetEdges(target).flatMap((edge) => faultsOn(edge, random.fork(formatEdge(edge)), endMs)),
  ];
  return faults.toSorted((a, b) => a.atMs - b.atMs).map(written);
}

interface TimedFault {
  readonly kind: string;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly atMs: number;
  readonly forMs: number;
}

/** Every service and every store, one after the other in an order that the seed decides. */
function kills({ services, stores }: Target, random: Random, endMs: number): readonly TimedFault[] {
  const processes = shuffled([...Object.keys(services), ...Object.keys(stores)], random);
  const slotMs = endMs / processes.length;
  return processes.map((process, index) => ({
    kind: "kill",
    fields: { process },
    atMs: index * slotMs + random.next() * (slotMs / 2),
    forMs: between(deadMs, random),
  }));
}

/** Of each kind that the edge allows, never two at once: what one does must not hide what the other would. */
function faultsOn(edge: TargetEdge, random: Random, endMs: number): readonly TimedFault[] {
  const kinds = shuffled(kindsFor(edge, random), random);
  const slotMs = endMs / kinds.length;
  return kinds.map(({ kind, fields }, index) => {
    const forMs = Math.min(between(faultMs, random), slotMs);
    const atMs = index * slotMs + random.next() * (slotMs - forMs);
    return { kind, fields: { edge: formatEdge(edge), ...fields }, atMs, forMs };
  });
}

type Kind = Pick<TimedFault, "kind" | "fields">;

function kindsFor({ protocol }: TargetEdge, random: Random): readonly Kind[] {
  const cut: Kind = { kind: "down", fields: {} };
  const silent: Kind = { kind: "timeout", fields: { after: "0s" } }; // asked, and never heard again
  const slow = (mostMs: number): Kind => {
    const delayMs = Math.round(random.integer(mostMs / 10, mostMs));
    return { kind: "latency", fields: { delay: `${delayMs}ms`, jitter: `${Math.floor(delayMs / 2)}ms` } };
  };
  const share = (): string => `${random.pick([40, 70, 100])}%`;
  switch (protocol) {
    case "http": {
      const lost = (): Kind => ({
        kind: "http-lost-response",
        fields: { then: random.pick(["reset", "close", "hang"]), probability: share() },
      });
      const twice = (): Kind => ({
        kind: "http-duplicate",
        fields: { delay: random.pick(["0s", "20ms", "400ms"]), probability: share() },
      });
      // Those that find what is done twice come twice: a part that is dead just then has nobody to ask.
      return [
        cut,
        slow(1_500),
        { kind: "http-status", fields: { status: 500, probability: share() } },
        lost(),
        lost(),
        twice(),
        twice(),
      ];
    }
    case "postgresql":
      return [
        cut,
        slow(300),
        silent,
        { kind: "pg-error", fields: { code: random.pick(["40001", "53300", "57P01"]), probability: "30%" } },
      ];
    default:
      return [cut, slow(1_500), silent];
  }
}

function written({ kind, fields, atMs, forMs }: TimedFault): StormFault {
  return { [kind]: { ...fields, at: `${Math.round(atMs)}ms`, for: `${Math.round(forMs)}ms` } };
}

function between({ least, most }: { readonly least: number; readonly most: number }, random: Random): number {
  return random.integer(least, most);
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, key: random.next() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
