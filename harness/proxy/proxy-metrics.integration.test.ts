import { expect, it } from "vitest";
import { connectTo, echo, startPeer, startServer } from "./proxy.fixture.ts";

/** Value of a sample, whatever the order of its labels. */
function valueIn(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  for (const line of text.split("\n")) {
    const [, given, list = "", value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (given !== name) continue;
    const pairs = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, member]) => [key, member]);
    if (
      Object.entries(labels).every(([key, member]) =>
        pairs.some((pair) => pair[0] === key && pair[1] === member),
      )
    )
      return Number(value);
  }
  return undefined;
}

it("metrics say live what was read and sent, what is open, what is broken and what that affected", async () => {
  await using proxy = await startServer();
  await using peer = await startPeer(echo);
  const listen = await proxy.proxyTo(peer.address);
  const scrape = async (): Promise<string> => {
    const reply = await proxy.call("GET", "/metrics");
    expect(reply.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    return reply.text;
  };
  const labels = {
    proxy: "edge",
    listener: `${listen.host}:${listen.port}`,
    upstream: `${peer.address.host}:${peer.address.port}`,
  };
  using client = await connectTo(listen);
  await client.roundTrip("12345");
  const healthy = await scrape();
  for (const direction of ["upstream", "downstream"])
    for (const name of ["received", "sent"])
      expect(valueIn(healthy, `toxiproxy_proxy_${name}_bytes_total`, { direction, ...labels })).toBe(5);
  expect(valueIn(healthy, "squall_proxy_open_connections", { proxy: "edge" })).toBe(1);
  expect(valueIn(healthy, "squall_proxy_faults", { proxy: "edge" })).toBeUndefined();

  const fault = { proxy: "edge", toxic: "hole", type: "timeout" };
  await proxy.addToxic({ type: "timeout", name: "hole" });
  client.socket.write("gone");
  await expect.poll(async () => (await proxy.toxic("hole")).affected.bytes).toBe(4);
  const broken = await scrape();
  const down = { direction: "downstream", ...labels };
  expect(valueIn(broken, "toxiproxy_proxy_received_bytes_total", down)).toBe(9);
  expect(valueIn(broken, "toxiproxy_proxy_sent_bytes_total", down)).toBe(5);
  expect(valueIn(broken, "squall_proxy_faults", fault)).toBe(1);
  expect(valueIn(broken, "squall_proxy_affected_connections_total", fault)).toBe(1);
  expect(valueIn(broken, "squall_proxy_affected_bytes_total", fault)).toBe(4);
  expect(valueIn(broken, "squall_proxy_affected_calls_total", fault)).toBe(0);

  await proxy.removeToxic("hole");
  await client.ended();
  client.socket.end();
  await expect.poll(async () => (await proxy.evidence()).proxies[0]?.open_connections).toBe(0);
  const after = await scrape();
  expect(valueIn(after, "squall_proxy_faults", fault)).toBeUndefined();
  expect(valueIn(after, "squall_proxy_affected_bytes_total", fault)).toBe(4);
  expect(valueIn(after, "toxiproxy_proxy_received_bytes_total", down)).toBe(9);
  expect(valueIn(after, "squall_proxy_connections_total", { proxy: "edge" })).toBe(1);
});

it("an upstream that refuses counts as a failure of the upstream, and names are escaped", async () => {
  await using proxy = await startServer();
  const listen = await proxy.proxyTo({ host: "127.0.0.1", port: 1 }, 'a"b');
  using client = await connectTo(listen);
  await client.ended();
  const { text } = await proxy.call("GET", "/metrics");
  expect(valueIn(text, "squall_proxy_upstream_failures_total", { proxy: 'a\\"b' })).toBe(1);
});
