/** What each fault was, when it came and went, and what it touched; also of those that are over. */
export interface FaultRecord {
  readonly id: number;
  readonly proxy: string;
  readonly name: string;
  readonly type: string;
  readonly stream: string | null;
  toxicity: number | null;
  attributes: Readonly<Record<string, unknown>>;
  readonly lease: string | null;
  readonly startedAtMs: number;
  endedAtMs: number | null;
  endedBy: FaultEnd | null;
  affectedConnections: number;
  affectedBytes: number;
}

export type FaultEnd = "removed" | "reset" | "lease-expired" | "lease-ended" | "proxy-changed";

export interface FaultLog {
  begin(
    fault: Pick<FaultRecord, "proxy" | "name" | "type" | "stream" | "toxicity" | "attributes" | "lease">,
  ): FaultRecord;
  end(record: FaultRecord, by: FaultEnd): void;
  /** Oldest first; of those that are over, the newest 1,000. */
  readonly records: readonly FaultRecord[];
}

const keptEnded = 1_000;

export function createFaultLog(): FaultLog {
  let records: FaultRecord[] = [];
  let nextId = 1;
  return {
    get records() {
      return records;
    },
    begin(fault) {
      const record: FaultRecord = {
        id: nextId,
        ...fault,
        startedAtMs: performance.timeOrigin + performance.now(),
        endedAtMs: null,
        endedBy: null,
        affectedConnections: 0,
        affectedBytes: 0,
      };
      nextId += 1;
      records.push(record);
      return record;
    },
    end(record, by) {
      if (record.endedAtMs !== null) return;
      record.endedAtMs = performance.timeOrigin + performance.now();
      record.endedBy = by;
      const ended = records.filter(({ endedAtMs }) => endedAtMs !== null);
      const dropped = new Set(ended.slice(0, Math.max(0, ended.length - keptEnded)));
      if (dropped.size > 0) records = records.filter((candidate) => !dropped.has(candidate));
    },
  };
}
