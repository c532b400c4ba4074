/** Something that a run would do. Paths are within the run's folder. */
export type PlannedDeed = {
  /** From the start of the load, as planned; absent for what comes before it. */
  readonly atMs?: number;
} & What;

type What =
  /** A call on the proxy's API. */
  | { readonly kind: "proxy"; readonly method: string; readonly path: string; readonly body?: unknown }
  /** The fleet, the load, what is read and kept, the journal, a phase of the run, a check before faults. */
  | {
      readonly kind: "fleet" | "load" | "collect" | "journal" | "phase" | "check";
      readonly text: string;
    };

/** Takes down what would be done now. */
export type Note = (deed: What) => void;

/** "POST /proxies/order-%3Epayment/toxics {…}" */
export function describeDeed(deed: PlannedDeed): string {
  if (deed.kind !== "proxy") return deed.text;
  const { method, path, body } = deed;
  return body === undefined ? `${method} ${path}` : `${method} ${path} ${JSON.stringify(body)}`;
}
