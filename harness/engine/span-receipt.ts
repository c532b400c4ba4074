import { receiverStats } from "../observe/receiver-client.ts";
import type { ReceiverStats } from "../observe/receiver-tally.ts";
import type { Fleet } from "../runtimes/runtime.ts";

/** What the span receiver has to say of the time since this was opened, beside how many spans came. */
export interface SpanReceipt {
  /** What was not as it should be, in words; nothing when all was. */
  told(): Promise<readonly string[]>;
}

export async function openSpanReceipt(fleet: Pick<Fleet, "receiver">): Promise<SpanReceipt> {
  const before = await receiverStats(fleet.receiver);
  return { told: async () => differences(before, await receiverStats(fleet.receiver)) };
}

function differences(before: ReceiverStats, now: ReceiverStats): readonly string[] {
  const refused = now.refused - before.refused;
  const rejected = now.rejected - before.rejected;
  const again = now.duplicates.requests - before.duplicates.requests;
  const unwritten = now.dropped - before.dropped;
  return [
    ...(unwritten > 0
      ? [`${some(unwritten, "span")} not written: ${now.sinkError ?? "no file was open"}`]
      : []),
    ...(refused > 0
      ? [`${some(refused, "request")} of spans refused: ${now.refusedBecause ?? "no reason given"}`]
      : []),
    ...(rejected > 0 ? [`${some(rejected, "span")} without an id or a start left out`] : []),
    ...(again > 0 ? [`${some(again, "request")} of spans came again`] : []),
    ...Object.entries(now.services).flatMap(
      ([service, { droppedAttributes, droppedEvents, droppedLinks }]) => {
        const earlier = before.services[service];
        const dropped = [
          [droppedAttributes - (earlier?.droppedAttributes ?? 0), "attribute"] as const,
          [droppedEvents - (earlier?.droppedEvents ?? 0), "event"] as const,
          [droppedLinks - (earlier?.droppedLinks ?? 0), "link"] as const,
        ].filter(([count]) => count > 0);
        return dropped.length === 0
          ? []
          : [`${service} says it dropped ${dropped.map(([count, what]) => some(count, what)).join(" and ")}`];
      },
    ),
  ];
}

function some(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}
