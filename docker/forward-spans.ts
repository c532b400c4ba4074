/**
 * Has the span receiver pass on what it takes to another OTLP endpoint:
 *
 *   node docker/forward-spans.ts http://receiver:4318 http://jaeger:4318
 */
import { setForward } from "../harness/observe/receiver-client.ts";
import { tracesUrl } from "../harness/observe/span-forward.ts";

const [receiver, endpoint] = process.argv.slice(2);
const to = tracesUrl(endpoint ?? "");
if (receiver === undefined || to === undefined)
  throw new Error("expected the URL of the receiver and that of an OTLP endpoint");
await setForward(receiver, to);
console.log(`spans are passed on to ${to}`);
