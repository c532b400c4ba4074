import type { Row } from "../record/row.ts";

/** A row that shows a violation, and where it was read. */
export interface WitnessRow {
  readonly observation: string;
  readonly row: Row;
}

/** Counts a violation; what it says is only made when it will be shown. */
export type Violate = (message: () => string, witness: () => readonly WitnessRow[]) => void;
