import type { Socket } from "node:net";
import type { Random } from "../base/random.ts";
import type { SessionOutlet, SessionStage } from "./session.ts";
import { takes, type ByteToxic, type Stream } from "./toxic.ts";
import type { Ending, Inlet, Outlet, Stage } from "./toxics/toxic-kind.ts";

export interface LinkOptions {
  readonly stream: Stream;
  /** Stands for the connection where faults count. */
  readonly connection: object;
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
 * One direction of a connection: a stage for each toxic, and nearest the upstream one for each session.
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
  #toxics: readonly ToxicPlace[] = [];
  #sessions: readonly SessionPlace[] = [];
  /** All of them, from the source to the destination. */
  #places: readonly Place[] = [];
  #head: Inlet;
  #isPaused = false;
  #hasEnded = false;
  #isClosing = false;
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
    destination.on("drain", () => this.#balance());
    source.on("end", () => this.end("fin"));
    source.resume();
  }

  /** Takes what the source has read. */
  take(chunk: Buffer): void {
    this.#head.write(chunk);
    this.#balance();
  }

  /**
   * Takes what the source has read into a buffer that it wants to read into again.
   * @returns whether the buffer is kept, so that the source needs another
   */
  borrow(chunk: Buffer): boolean {
    const { destination } = this.#options;
    // At most one buffer is kept, when a destination that had room has it no more: behind that, and in stages, copies
    // are no larger than what was read.
    if (this.#places.length > 0 || destination.writableLength > 0) {
      this.take(Buffer.from(chunk));
      return false;
    }
    this.take(chunk);
    return destination.writableLength > 0;
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
  apply(toxics: readonly ByteToxic[]): void {
    const { random, connection } = this.#options;
    const wanted = new Set(toxics.filter((toxic) => this.#takes(toxic)));
    for (const place of this.#toxics) {
      if (wanted.has(place.toxic)) continue;
      place.stage.release();
      if (this.#isOver) return; // a toxic that swallowed data has closed the connection
      this.#relink(this.#toxics.filter((other) => other !== place));
    }
    this.#relink(
      [...wanted].map(
        (toxic) =>
          this.#toxics.find((place) => place.toxic === toxic) ??
          new ToxicPlace(toxic, random.fork(toxic.name), connection, this.#sink, this.#watch),
      ),
    );
    this.#balance();
  }

  /** Tells the stage of a toxic that its attributes have changed. */
  update(toxic: ByteToxic): void {
    this.#toxics.find((place) => place.toxic === toxic)?.stage.update();
    this.#balance();
  }

  /** Makes a place for a session's stage, nearest the upstream, and gives what it passes on by. */
  openPlace(): { readonly outlet: SessionOutlet; occupy(stage: SessionStage): void } {
    const place = new SessionPlace(this.#sink, this.#watch);
    return {
      outlet: place,
      occupy: (stage) => {
        place.stage = stage;
        this.#sessions =
          this.#options.stream === "upstream" ? [...this.#sessions, place] : [place, ...this.#sessions];
        this.#relink(this.#toxics);
      },
    };
  }

  /** Ends the link: what is held, and what still comes, is thrown away. */
  drop(): void {
    this.#isOver = true;
    for (const { stage } of this.#places) stage.drop();
    this.#toxics = [];
    this.#sessions = [];
    this.#places = [];
    this.#head = nowhere;
    this.#balance();
  }

  readonly #watch: PlaceWatch = {
    onPassed: () => this.#balance(),
    onEnded: (place, ending) => {
      if (ending !== "fin") this.#close(place);
    },
  };

  /**
   * A stage has ended the connection. A stage further on may hold that up, and its own may be taken out meanwhile: what
   * comes behind the end is thrown away, or the stream would have a gap.
   */
  #close(place: Place): void {
    const behind = this.#places.slice(0, this.#places.indexOf(place) + 1);
    const isBehind = (toxic: ToxicPlace): boolean => behind.includes(toxic);
    for (const { stage } of this.#toxics.filter(isBehind)) stage.drop();
    this.#isClosing = true;
    this.#relink(this.#toxics.filter((toxic) => !isBehind(toxic)));
  }

  #takes(toxic: ByteToxic): boolean {
    const { random, connection } = this.#options;
    const isTaken = takes(toxic, random.fork(toxic.name));
    toxic.fault.matchConnection(connection);
    if (isTaken) toxic.fault.drawConnection(connection);
    return isTaken;
  }

  #relink(toxics: readonly ToxicPlace[]): void {
    this.#toxics = toxics;
    const places: readonly Place[] =
      this.#options.stream === "upstream" ? [...toxics, ...this.#sessions] : [...this.#sessions, ...toxics];
    this.#places = places;
    this.#head = this.#isClosing || this.#isOver ? nowhere : (places[0]?.stage ?? this.#sink);
    places.forEach((place, index) => (place.next = places[index + 1]?.stage ?? this.#sink));
  }

  #isAnyFull(): boolean {
    for (const { stage } of this.#places) if (stage.isFull()) return true;
    return false;
  }

  #balance(): void {
    const { source, destination } = this.#options;
    const mustWait = !this.#isOver && (destination.writableNeedDrain || this.#isAnyFull());
    if (mustWait === this.#isPaused) return;
    this.#isPaused = mustWait;
    if (mustWait) source.pause();
    else source.resume();
  }
}

const nowhere: Inlet = { write: () => undefined, end: () => undefined };

/** A stage's place in one chain. */
interface Place {
  readonly stage: SessionStage;
  next: Inlet;
}

/** Told by a place, after it has passed on. */
interface PlaceWatch {
  readonly onPassed: () => void;
  readonly onEnded: (place: Place, ending: Ending) => void;
}

/** A toxic's place. */
class ToxicPlace implements Outlet, Place {
  readonly toxic: ByteToxic;
  readonly stage: Stage;
  readonly random: Random;
  next: Inlet;
  readonly #connection: object;
  readonly #watch: PlaceWatch;

  constructor(toxic: ByteToxic, random: Random, connection: object, next: Inlet, watch: PlaceWatch) {
    this.toxic = toxic;
    this.random = random;
    this.next = next;
    this.#connection = connection;
    this.#watch = watch;
    this.stage = toxic.kind.open(this, () => toxic.attributes);
  }

  write(chunk: Buffer): void {
    this.next.write(chunk);
    this.#watch.onPassed();
  }

  end(ending: Ending): void {
    this.next.end(ending);
    this.#watch.onEnded(this, ending);
  }

  touch(sizeBytes: number): void {
    this.toxic.fault.affectConnection(this.#connection, sizeBytes);
  }
}

/** A session's place; without a stage yet, it is not in the chain. */
class SessionPlace implements SessionOutlet, Place {
  stage: SessionStage = { ...nowhere, isFull: () => false, drop: () => undefined };
  next: Inlet;
  readonly #watch: PlaceWatch;

  constructor(next: Inlet, watch: PlaceWatch) {
    this.next = next;
    this.#watch = watch;
  }

  write(chunk: Buffer): void {
    this.next.write(chunk);
    this.#watch.onPassed();
  }

  end(ending: Ending): void {
    this.next.end(ending);
    this.#watch.onEnded(this, ending);
  }

  settle(): void {
    this.#watch.onPassed();
  }
}
