import { expect, it } from "vitest";
import { FaultEvents, type FaultEvent } from "./fault-events.ts";

const began: FaultEvent = { event: "fault-began", proxy: "edge", toxic: "lost", type: "noop" };
const affected = (request: number): FaultEvent => ({
  event: "call-affected",
  proxy: "edge",
  toxic: "lost",
  type: "noop",
  request,
  call: "GET /",
  trace_id: null,
  effect: "lost the answer",
});

it("the last thousand affected calls are kept, however many faults begin between them", () => {
  const events = new FaultEvents();
  for (let request = 1; request <= 1_500; request += 1) {
    events.record(affected(request));
    if (request % 2 === 0) events.record(began);
  }
  const calls = events.kept.flatMap(({ event }) => (event.event === "call-affected" ? [event.request] : []));
  expect(calls).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 501));
});

it("events are numbered without a gap, and told to those who listen until they stop", () => {
  const events = new FaultEvents();
  const heard: number[] = [];
  events.record(began);
  const stop = events.listen(({ id }) => heard.push(id));
  events.record(affected(1));
  events.record(affected(2));
  stop();
  events.record(affected(3));
  expect(heard).toEqual([2, 3]);
  expect(events.kept.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
});
