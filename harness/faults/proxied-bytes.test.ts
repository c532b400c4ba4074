import { expect, test } from "vitest";
import { readProxiedBytes } from "./proxied-bytes.ts";

/** As Toxiproxy 2.12.0 gives it. */
const metrics = `# HELP toxiproxy_proxy_received_bytes_total Number of bytes received
# TYPE toxiproxy_proxy_received_bytes_total counter
toxiproxy_proxy_received_bytes_total{direction="downstream",listener="127.0.0.1:36981",proxy="a->b",upstream="127.0.0.1:44829"} 11082
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:36981",proxy="a->b",upstream="127.0.0.1:44829"} 1.2e+06
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="a \\"quoted\\" one",upstream="b"} 7
# HELP toxiproxy_proxy_sent_bytes_total Number of bytes sent
# TYPE toxiproxy_proxy_sent_bytes_total counter
toxiproxy_proxy_sent_bytes_total{direction="downstream",listener="127.0.0.1:36981",proxy="a->b",upstream="127.0.0.1:44829"} 8860
`;

test("bytes are read by proxy and direction, whatever else its name holds", () => {
  expect([...readProxiedBytes(metrics)]).toEqual([
    ["a->b", { downstream: { received: 11_082, sent: 8_860 }, upstream: { received: 1_200_000, sent: 0 } }],
    ['a "quoted" one', { upstream: { received: 7, sent: 0 } }],
  ]);
});

test("metrics of something else hold none", () => {
  expect(readProxiedBytes("go_goroutines 9\n").size).toBe(0);
});
