import type { Random } from "../base/random.ts";
import type { Call, CallFaultKind, SelectionAttributes } from "./call-fault.ts";
import type { Fault } from "./fault-ledger.ts";
import type { Attributes } from "./toxics/toxic-kind.ts";

export interface SelectionOptions {
  readonly kind: CallFaultKind;
  readonly attributes: Attributes;
  readonly fault: Fault;
  /** A stream of this toxic's own: the draw of a call is decided by it and the call's index alone. */
  readonly random: Random;
  /** Whether the toxic of that name has affected anything yet. */
  readonly hasFired: (toxic: string) => boolean;
}

/** A call that a fault has taken. */
export interface TakenCall {
  /** Decided by seed, proxy, toxic and the call's index alone. */
  readonly random: Random;
  /**
   * Records that the fault had its effect on the call; the first time also as an event.
   * @param effect what was done, in the past tense: "answered 503", "lost the answer"
   */
  affect(effect: string, sizeBytes?: number): void;
}

/** Decides which calls a toxic takes, and counts them. One for a toxic, whatever the connection. */
export class CallSelection {
  readonly #options: SelectionOptions;
  readonly #attributes: SelectionAttributes;
  readonly #matches: (call: Call) => boolean;
  readonly #opens: ((call: Call) => boolean) | undefined;
  #isOpen: boolean;

  constructor(options: SelectionOptions) {
    const { kind } = options;
    const attributes = kind.attributes.parse(options.attributes);
    this.#options = options;
    this.#attributes = attributes;
    this.#matches = attributes.match === undefined ? () => true : kind.protocol.matcher(attributes.match);
    this.#opens =
      typeof attributes.after === "object" ? kind.protocol.matcher(attributes.after.match) : undefined;
    this.#isOpen = attributes.after === undefined;
  }

  /**
   * Offers a call, in the order in which calls come to the proxy.
   * @param connection stands for the connection that the call is on
   * @returns what to act with, when the fault takes it
   */
  offer(call: Call, connection: object): TakenCall | undefined {
    const { fault, random } = this.#options;
    if (!this.#hasOpened(call) || !this.#matches(call)) return undefined;
    fault.matchCall();
    const { nth, every, times, probability } = this.#attributes;
    const index = fault.matched.requests;
    if (nth !== undefined && index !== nth) return undefined;
    if (every !== undefined && index % every !== 0) return undefined;
    if (times !== undefined && fault.drawn.requests >= times) return undefined;
    const own = random.fork(String(index));
    if (probability < 1 && own.fork("probability").next() >= probability) return undefined;
    fault.drawCall();
    let isFirst = true;
    return {
      random: own,
      affect(effect, sizeBytes = 0) {
        fault.affectCall({ call, index, connection, effect, sizeBytes }, isFirst);
        isFirst = false;
      },
    };
  }

  /** The call that opens the selection is not taken itself. */
  #hasOpened(call: Call): boolean {
    if (this.#isOpen) return true;
    const { after } = this.#attributes;
    if (typeof after === "string") return (this.#isOpen = this.#options.hasFired(after));
    this.#isOpen = this.#opens?.(call) ?? true;
    return false;
  }
}
