import { ROOT_CONTEXT, defaultTextMapGetter, defaultTextMapSetter, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { expect, it } from "vitest";
import { withoutTraceState } from "./trace-context.ts";

it("hands on the ids of a trace, and nothing of what the caller put beside them", () => {
  const propagator = withoutTraceState(new W3CTraceContextPropagator());
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const received = propagator.extract(
    ROOT_CONTEXT,
    { traceparent, tracestate: "vendor=planted" },
    defaultTextMapGetter,
  );
  const carrier: Record<string, string> = {};
  propagator.inject(received, carrier, defaultTextMapSetter);
  expect(carrier).toEqual({ traceparent });
  expect(trace.getSpanContext(received)).toMatchObject({ isRemote: true, traceFlags: 1 });
});
