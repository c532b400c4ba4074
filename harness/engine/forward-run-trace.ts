import { forwardText, startForward } from "../observe/span-forward.ts";
import type { RunTraceRequest } from "./run-trace.ts";

/** What a run waits for, at its very end. */
const withinMs = 5_000;

/**
 * Passes a run's own trace on, as its services' spans were. Never fails.
 * @param to URL of the endpoint's traces
 * @returns what became of it, in words
 */
export async function forwardRunTrace(request: RunTraceRequest, to: string): Promise<string> {
  const forward = startForward(to);
  const spans = request.resourceSpans[0].scopeSpans[0].spans.length;
  const body = Buffer.from(JSON.stringify(request));
  forward.offer({ contentType: "application/json", contentEncoding: undefined, body, spans });
  return forwardText(await forward.end(withinMs));
}
