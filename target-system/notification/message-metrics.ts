import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { DeadLetters } from "./dead-letters.ts";
import { channels, type Channel } from "./message.ts";
import type { Messages, Unsent } from "./messages.ts";

/** What became of messages, by channel. */
export interface MessageCounts {
  sent(channel: Channel): void;
  skipped(channel: Channel): void;
  /** It is tried again. */
  retried(channel: Channel): void;
  dead(channel: Channel, why: "refused" | "attempts"): void;
}

export function countMessages(registry: Registry): MessageCounts {
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const sent = counter(
    "notification_sent_total",
    "Messages accepted by the mail server or the SMS provider.",
    ["channel"],
  );
  const skipped = counter("notification_skipped_total", "Messages that nobody wants, or is there to read.", [
    "channel",
  ]);
  const retried = counter("notification_retried_total", "Tries that failed and are followed by another.", [
    "channel",
  ]);
  const dead = counter(
    "notification_dead_total",
    "Messages given up: refused for good, or after so many attempts.",
    ["channel", "why"],
  );
  for (const channel of channels) {
    for (const counted of [sent, skipped, retried]) counted.inc({ channel }, 0);
    for (const why of ["refused", "attempts"]) dead.inc({ channel, why }, 0);
  }
  return {
    sent: (channel) => sent.inc({ channel }),
    skipped: (channel) => skipped.inc({ channel }),
    retried: (channel) => retried.inc({ channel }),
    dead: (channel, why) => dead.inc({ channel, why }),
  };
}

/** A scrape does not wait longer for the database. */
const readWithinMs = 500;

interface Backlog {
  readonly unsent: readonly Unsent[];
  readonly dead: readonly { readonly channel: Channel; readonly count: number }[];
}

/**
 * What waits and what was given up: the same from every replica, since it is read from the database they share, as it is
 * scraped. While that does not answer there is no value, rather than an old one.
 */
export function measureBacklog(
  registry: Registry,
  messages: Messages,
  deadLetters: DeadLetters,
  log: Logger,
): void {
  let reading: Promise<Backlog | undefined> | undefined;
  /** One reading at a time serves all three, and however many scrapes come while the database is silent. */
  const read = (): Promise<Backlog | undefined> => {
    reading ??= Promise.all([messages.unsent(), deadLetters.countByChannel()])
      .then(
        ([unsent, dead]) => ({ unsent, dead }),
        (error: unknown) => void log.info({ err: error }, "what waits to be sent could not be read"),
      )
      .then((backlog) => {
        reading = undefined;
        return backlog ?? undefined;
      });
    return Promise.race([reading, sleep(readWithinMs, undefined, { ref: false })]);
  };
  const gauge = (
    name: string,
    help: string,
    valueOf: (backlog: Backlog, channel: Channel) => number,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: ["channel"],
      registers: [registry],
      async collect() {
        const backlog = await read();
        this.reset();
        if (backlog === undefined) return;
        for (const channel of channels) this.set({ channel }, valueOf(backlog, channel));
      },
    });
  };
  gauge(
    "notification_oldest_unsent_seconds",
    "For how long the oldest message that is to be sent waits, in seconds; 0 when none does.",
    ({ unsent }, channel) => rowOf(unsent, channel)?.oldestSeconds ?? 0,
  );
  gauge(
    "notification_unsent",
    "Messages that are to be sent.",
    ({ unsent }, channel) => rowOf(unsent, channel)?.count ?? 0,
  );
  gauge(
    "notification_dead_letters",
    "Messages given up and not replayed.",
    ({ dead }, channel) => rowOf(dead, channel)?.count ?? 0,
  );
}

function rowOf<R extends { readonly channel: Channel }>(rows: readonly R[], channel: Channel): R | undefined {
  return rows.find((row) => row.channel === channel);
}
