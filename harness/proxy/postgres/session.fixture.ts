import { createRandom } from "../../base/random.ts";
import { CallSelection } from "../call-selection.ts";
import { FaultLedger } from "../fault-ledger.ts";
import type { SessionContext } from "../session.ts";
import type { CallToxic, Stream } from "../toxic.ts";
import type { Attributes, Ending } from "../toxics/toxic-kind.ts";
import { PostgresSession } from "./postgres-session.ts";
import type { StatementFaultKind } from "./statement-fault.ts";

/** A session without a connection: what goes in is given, what comes out is kept. */
export function openSession(lastCarried?: Stream) {
  const ledger = new FaultLedger();
  const out = { upstream: [] as Buffer[], downstream: [] as Buffer[] };
  const endings: [Stream, Ending][] = [];
  const connection = {};
  const outletOf = (stream: Stream) => ({
    write: (chunk: Buffer) => void out[stream].push(chunk),
    end: (ending: Ending) => void endings.push([stream, ending]),
    settle: () => undefined,
  });
  const context: SessionContext = {
    outlets: { upstream: outletOf("upstream"), downstream: outletOf("downstream") },
    lastCarried,
    dial: () => {
      throw new Error("no server");
    },
    connection,
  };
  const session = new PostgresSession(context);
  let toxics: readonly CallToxic[] = [];
  return {
    session,
    endings,
    /** What has come out. */
    out: (stream: Stream): Buffer => Buffer.concat(out[stream]),
    calls: () =>
      ledger.events.kept.map(({ event }) => event).filter(({ event }) => event === "call-affected"),
    /** Puts a fault in place, behind those that are. */
    place(kind: StatementFaultKind, given: Attributes): CallToxic {
      const name = `toxic-${toxics.length + 1}`;
      const attributes: Attributes = kind.attributes.parse(given);
      const fault = ledger.begin({ proxy: "edge", name, type: "pg", stream: "upstream", lease: undefined });
      const random = createRandom(name);
      const selection = new CallSelection({ kind, attributes, fault, random, hasFired: () => false });
      const common = { name, type: "pg", stream: "upstream", lease: undefined, toxicity: 1 } as const;
      const toxic: CallToxic = { ...common, kind, attributes, fault, selection };
      toxics = [...toxics, toxic];
      session.apply(toxics);
      return toxic;
    },
    removeAll(): void {
      toxics = [];
      session.apply(toxics);
    },
  };
}

/** Bytes in pieces that end where told; places beyond the end mean nothing. */
export function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const bounds = [
    0,
    ...places.filter((place) => place < bytes.length).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return bounds.slice(1).flatMap((to, index) => {
    const piece = bytes.subarray(bounds[index], to);
    return piece.length > 0 ? [Buffer.from(piece)] : [];
  });
}
