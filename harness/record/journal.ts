import { z } from "zod";
import { openJsonl, readJsonl, type JsonlContent } from "../base/jsonl.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { changeNameSchema } from "./change-name.ts";
import { k6OutcomeSchema } from "./k6-outcome.ts";

/**
 * The journal: what the engine did, in order, each line on disk before the deed. After a crash it tells `recover` what
 * may still be in place: every `undo-planned` without its `fault-undone`.
 */

export const phaseNameSchema = z.enum(["warmup", "baseline", "fault", "recovery"]);
export type PhaseName = z.output<typeof phaseNameSchema>;

/** How a fault is taken back by someone who has only the journal: a call on the proxy's API, or one of the runtime. */
export const undoRecordSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("end-lease"), proxyApi: z.url(), lease: z.string() }),
  /** Of Toxiproxy, which has no leases. */
  z.object({ kind: z.literal("remove-toxic"), proxyApi: z.url(), proxy: z.string(), toxic: z.string() }),
  z.object({ kind: z.literal("enable-proxy"), proxyApi: z.url(), proxy: z.string() }),
  /** What a runtime did to a service or a store is taken back by it, with what it noted before. */
  z.object({
    kind: z.literal("process-change"),
    change: changeNameSchema,
    process: z.string(),
    before: z.record(z.string(), z.unknown()),
  }),
  /** A service gets as many replicas as it had. */
  z.object({ kind: z.literal("replicas"), service: z.string(), count: z.number().int().positive() }),
]);
export type UndoRecord = Readonly<z.output<typeof undoRecordSchema>>;

const whole = z.number().int().nonnegative();

/** Calls and connections, as a fault's injector counted them; only faults of calls count calls. */
export const countSchema = z.object({ requests: whole, connections: whole });
export type Count = Readonly<z.output<typeof countSchema>>;

/** What a fault did. */
export const affectedSchema = z.object({ requests: whole.default(0), connections: whole, bytes: whole });
export type Affected = Readonly<z.output<typeof affectedSchema>>;

/** What a fault was offered, what of it its counts and its draw gave it, and what it did act on. */
export const touchedSchema = z.object({
  matched: countSchema.optional(),
  drawn: countSchema.optional(),
  affected: affectedSchema.optional(),
  /** Connections whose calls it could not tell apart: another protocol, or encrypted. */
  unreadableConnections: whole.optional(),
  /** Where the injector counts no more: bytes of connections that ended meanwhile, … */
  endedBytes: whole.optional(),
  /** … and those that came in and never went out, where nothing else can have kept them. */
  lostBytes: whole.optional(),
});
export type Touched = Readonly<z.output<typeof touchedSchema>>;

/** What the load driver measured of itself, to tell whether it was the bottleneck. */
export const driverFiguresSchema = z.object({
  /** How late starts were against the plan, at the 99th percentile and at most. */
  lateP99Ms: z.number().optional(),
  lateMaxMs: z.number().optional(),
  /** Share of one processor, in the worst seconds. */
  cpuShare: z.number().optional(),
  /** The longest that it did nothing. */
  stallMaxMs: z.number().optional(),
});

/** What shows that a fault of a process was felt, as the runtime tells it. */
export const processEvidenceSchema = z.object({ bit: z.boolean(), detail: z.string() });
export type ProcessEvidence = Readonly<z.output<typeof processEvidenceSchema>>;

const eventSchema = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("run-started"),
    run: z.string(),
    pid: z.number().int(),
    /** Folder in which the fleet keeps its state. */
    fleetState: z.string(),
    /** Whether this run started the fleet and so must stop it. */
    ownsFleet: z.boolean(),
    /** Who can take back what was done to processes; absent in journals of old, which knew but the one. @default process */
    runtime: z.enum(["process", "docker"]).optional(),
  }),
  /** Limits of the target that the run goes beyond, and why it may, in the user's words. */
  z.object({ event: z.literal("limits-exceeded"), reason: z.string(), breaches: z.array(z.string()) }),
  z.object({
    event: z.literal("fleet-ready"),
    proxyApi: z.string(),
    entry: z.string(),
    durationMs: z.number(),
  }),
  z.object({
    event: z.literal("load-started"),
    journey: z.string(),
    /** On average. */
    ratePerSecond: z.number(),
    /** How they come, in words: "from 10/s to 100/s over 30 s". */
    arrivals: z.string().optional(),
    /** Epoch milliseconds of the first possible arrival: the run's zero. */
    zeroMs: z.number(),
  }),
  z.object({ event: z.literal("phase-started"), phase: phaseNameSchema }),
  z.object({ event: z.literal("preflight"), check: z.string(), passed: z.boolean(), detail: z.string() }),
  z.object({ event: z.literal("undo-planned"), fault: z.string(), undo: undoRecordSchema }),
  z.object({
    event: z.literal("fault-injected"),
    fault: z.string(),
    faultKind: z.string(),
    /** What is broken: one of the two. */
    edge: z.string().optional(),
    process: z.string().optional(),
    detail: z.string(),
  }),
  /** A fault that comes again and again has come another time; `fault-injected` was the first. */
  z.object({
    event: z.literal("fault-repeated"),
    fault: z.string(),
    faultKind: z.string(),
    process: z.string(),
    times: z.number().int(),
  }),
  z.object({
    event: z.literal("fault-undone"),
    fault: z.string(),
    by: z.enum(["plan", "guard", "interrupt", "error", "lease", "watchdog", "recover"]),
    ...touchedSchema.shape,
    evidence: processEvidenceSchema.optional(),
    durationMs: z.number(),
  }),
  /** Of a process of the fleet, whoever ended it: a fault of the run too. */
  z.object({
    event: z.literal("process-ended"),
    process: z.string(),
    /** What it is a process of: a part of the target, the proxy or the receiver. */
    part: z.string(),
    endedAtMs: z.number(),
    by: z.enum(["itself", "memory", "somebody"]),
    detail: z.string(),
  }),
  z.object({ event: z.literal("undo-failed"), fault: z.string(), message: z.string() }),
  z.object({ event: z.literal("watchdog-started"), pid: z.number().int() }),
  /** Written by the watchdog, before it takes back what is pending. */
  z.object({ event: z.literal("watchdog-took-over"), why: z.string() }),
  /** What the run broke may have been taken back before its time, or nobody is there who would if the run died. */
  z.object({ event: z.literal("lease-lost"), why: z.string() }),
  z.object({ event: z.literal("guard-tripped"), guard: z.string(), detail: z.string() }),
  z.object({ event: z.literal("interrupted"), signal: z.string() }),
  z.object({
    event: z.literal("load-ended"),
    intended: z.number().int(),
    started: z.number().int(),
    ...driverFiguresSchema.shape,
    /** Where k6 made the load. */
    k6: k6OutcomeSchema.optional(),
  }),
  z.object({ event: z.literal("settled"), durationMs: z.number(), detail: z.string() }),
  z.object({
    event: z.literal("collected"),
    detail: z.string(),
    /** Services that were still sending spans when the collection ended, and since when not all had come. */
    unsent: z.array(z.object({ service: z.string(), sinceMs: z.number() })).optional(),
  }),
  z.object({ event: z.literal("failed"), code: z.string(), message: z.string() }),
  z.object({ event: z.literal("recovered"), detail: z.string() }),
  z.object({ event: z.literal("run-ended"), verdict: z.string(), exitCode: z.number().int() }),
]);
export type JournalEvent = Readonly<z.output<typeof eventSchema>>;

/** One line: when (epoch milliseconds) and what. */
export const journalLineSchema = z.intersection(z.object({ atMs: z.number() }), eventSchema);
export type JournalLine = { readonly atMs: number } & JournalEvent;

export interface Journal extends Disposable {
  /** Writes one event; it is on disk when this returns. */
  write(event: JournalEvent): JournalLine;
}

/** @throws {SQUALL_FILE} when the file cannot be opened */
export function openJournal(file: string, clock: Clock = systemClock): Journal {
  const writer = openJsonl<JournalLine>(file, { durable: true });
  return {
    write(event) {
      const line = { atMs: clock.nowMs(), ...event };
      writer.append(line);
      return line;
    },
    [Symbol.dispose]: () => writer.close(),
  };
}

/** Reads a journal up to where a crash cut it. */
export function readJournal(file: string): JsonlContent<JournalLine> {
  return readJsonl(file, (value) => journalLineSchema.parse(value));
}
