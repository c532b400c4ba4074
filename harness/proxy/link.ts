import type { Socket } from "node:net";
import type { Random } from "../base/random.ts";
import { takes, type Toxic } from "./toxic.ts";
import type { Ending, Inlet, Outlet, Stage } from "./toxics/toxic-kind.ts";

export interface LinkOptions {
  readonly source: Socket;
  readonly destination: Socket;
  /** A stream of this connection's own. */
  readonly random: Random;
  /** Told of bytes handed to the destination. */
  readonly onCarried: (sizeBytes: number) => void;
  /** Told when an ending has come through the chain. */
  readonly onEnding: (ending: Ending) => void;
}

/**
 * One direction of a connection.
 *
 *   source ─→ stage ─→ … ─→ stage ─→ destination
 *      ▲                                  │
 *      └── pauses while a stage is full or the destination does not drain
 *
 * Only the source ever waits. Stages and the destination take whatever is passed to them, and what they hold is bounded
 * because the source is paused, so taking a toxic out depends on nobody.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #sink: Inlet;
  #places: readonly Place[] = [];
  #head: Inlet;
  #isPaused = false;
  #hasEnded = false;
  #isOver = false;

  constructor(options: LinkOptions) {
    const { destination, onCarried, onEnding } = options;
    this.#options = options;
    this.#sink = {
      write: (chunk) => {
        if (destination.destroyed || destination.writableEnded) return;
        destination.write(chunk);
        onCarried(chunk.length);
      },
      end: onEnding,
    };
    this.#head = this.#sink;
  }

  /** Lets data flow. */
  start(): void {
    const { source, destination } = this.#options;
    source.on("data", (chunk: Buffer) => {
      this.#head.write(chunk);
      this.#balance();
    });
    destination.on("drain", () => this.#balance());
    source.on("end", () => this.end("fin"));
    source.resume();
  }

  /** Whether the source has ended, in whatever way. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The source has ended; the ending goes the way of the data before it. */
  end(ending: Ending): void {
    this.#hasEnded = true;
    this.#head.end(ending);
  }

  /**
   * Makes the chain match the proxy's toxics on this stream: a stage whose toxic is gone lets go of all it holds, a new
   * toxic takes hold of what comes from now on.
   */
  apply(toxics: readonly Toxic[]): void {
    const { random } = this.#options;
    const wanted = new Set(toxics.filter((toxic) => takes(toxic, random.fork(toxic.name))));
    for (const place of this.#places) {
      if (wanted.has(place.toxic)) continue;
      place.stage.release();
      if (this.#isOver) return; // a toxic that swallowed data has closed the connection
      this.#relink(this.#places.filter((other) => other !== place));
    }
    this.#relink(
      [...wanted].map(
        (toxic) =>
          this.#places.find((place) => place.toxic === toxic) ??
          new Place(toxic, random.fork(toxic.name), this.#sink, () => this.#balance()),
      ),
    );
    this.#balance();
  }

  /** Tells the stage of a toxic that its attributes have changed. */
  update(toxic: Toxic): void {
    this.#places.find((place) => place.toxic === toxic)?.stage.update();
    this.#balance();
  }

  /** Ends the link: what is held, and what still comes, is thrown away. */
  drop(): void {
    this.#isOver = true;
    for (const { stage } of this.#places) stage.drop();
    this.#places = [];
    this.#head = nowhere;
    this.#balance();
  }

  #relink(places: readonly Place[]): void {
    this.#places = places;
    this.#head = places[0]?.stage ?? this.#sink;
    places.forEach((place, index) => (place.next = places[index + 1]?.stage ?? this.#sink));
  }

  #balance(): void {
    const { source, destination } = this.#options;
    const mustWait =
      !this.#isOver && (destination.writableNeedDrain || this.#places.some(({ stage }) => stage.isFull()));
    if (mustWait === this.#isPaused) return;
    this.#isPaused = mustWait;
    if (mustWait) source.pause();
    else source.resume();
  }
}

const nowhere: Inlet = { write: () => undefined, end: () => undefined };

/** A toxic's place in one chain. */
class Place implements Outlet {
  readonly toxic: Toxic;
  readonly stage: Stage;
  readonly random: Random;
  next: Inlet;
  readonly #onPassed: () => void;
  #hasTouched = false;

  constructor(toxic: Toxic, random: Random, next: Inlet, onPassed: () => void) {
    this.toxic = toxic;
    this.random = random;
    this.next = next;
    this.#onPassed = onPassed;
    this.stage = toxic.kind.open(this, () => toxic.attributes);
  }

  write(chunk: Buffer): void {
    this.next.write(chunk);
    this.#onPassed();
  }

  end(ending: Ending): void {
    this.next.end(ending);
  }

  touch(sizeBytes: number): void {
    const { affected } = this.toxic.fault;
    if (!this.#hasTouched) affected.connections += 1;
    this.#hasTouched = true;
    affected.bytes += sizeBytes;
  }
}
