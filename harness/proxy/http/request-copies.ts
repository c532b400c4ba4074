import type { Socket } from "node:net";
import { preciseTimer, type Alarm } from "../precise-timer.ts";
import type { HttpStep, Wanted } from "./http-fault.ts";
import { largestBodyBytes } from "./message-editor.ts";
import { AnswerReader } from "./message-reader.ts";

type Duplicate = Wanted<Extract<HttpStep, { readonly act: "duplicate" }>>;

/** The bytes of one request, kept to be sent again. */
export interface RequestCopy {
  readonly method: string;
  readonly wanted: readonly Duplicate[];
  readonly bytes: Buffer[];
}

interface Delivery {
  readonly copy: RequestCopy;
  readonly wanted: Duplicate;
  alarm?: Alarm;
  socket?: Socket;
}

/** Requests that go to the callee once more, each on a connection of its own; what it answers is dropped. */
export class RequestCopies {
  readonly #dial: () => Socket;
  readonly #onIdle: () => void;
  readonly #deliveries = new Set<Delivery>();
  #keptBytes = 0;

  /** @param onIdle told when the last delivery is over */
  constructor(dial: () => Socket, onIdle: () => void) {
    this.#dial = dial;
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return this.#deliveries.size === 0;
  }

  /** Keeps more of a request. @returns `false` when there is no room: the copy is given up */
  keep(copy: RequestCopy, bytes: Buffer): boolean {
    copy.bytes.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes <= largestBodyBytes) return true;
    this.forget(copy);
    return false;
  }

  forget(copy: RequestCopy): void {
    for (const { length } of copy.bytes.splice(0)) this.#keptBytes -= length;
  }

  /** Delivers a request that is whole, as often as it is still wanted. */
  deliver(copy: RequestCopy): void {
    const live = copy.wanted.filter((wanted) => wanted.isLive());
    if (live.length === 0) this.forget(copy);
    for (const wanted of live) {
      const delivery: Delivery = { copy, wanted };
      this.#deliveries.add(delivery);
      delivery.alarm = preciseTimer.after(wanted.step.delayMs, () => this.#send(delivery));
    }
  }

  /** The faults in place have changed: what is not on its way yet, and not wanted any more, is not sent. */
  review(): void {
    for (const delivery of this.#deliveries)
      if (delivery.socket === undefined && !delivery.wanted.isLive()) this.#finish(delivery);
  }

  drop(): void {
    for (const { alarm, socket } of this.#deliveries) {
      alarm?.cancel();
      socket?.destroy();
    }
    this.#deliveries.clear();
  }

  #send(delivery: Delivery): void {
    const { copy, wanted } = delivery;
    const bytes = Buffer.concat(copy.bytes);
    const reader = new AnswerReader();
    const socket = this.#dial();
    delivery.socket = socket;
    socket.once("connect", () => {
      socket.write(bytes);
      wanted.taken.affect("delivered the call again", bytes.length);
    });
    socket.on("data", (chunk: Buffer) => {
      reader.feed(chunk);
      for (let piece = reader.next(copy.method); piece; piece = reader.next(copy.method)) {
        if (piece.kind !== "end" && piece.kind !== "unreadable") continue;
        socket.destroy();
        return;
      }
    });
    socket.once("close", () => this.#finish(delivery));
  }

  #finish(delivery: Delivery): void {
    if (!this.#deliveries.delete(delivery)) return;
    delivery.alarm?.cancel();
    if ([...this.#deliveries].every(({ copy }) => copy !== delivery.copy)) this.forget(delivery.copy);
    if (this.isIdle) this.#onIdle();
  }
}
