import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProxyServer, type ProxyServer } from "./proxy-server.ts";

const cliFile = process.env["TOXIPROXY_CLI"] ?? "toxiproxy-cli";
const upstream = createServer((_request, response) => response.end("hello"));
let server: ProxyServer;

beforeAll(async () => {
  server = await startProxyServer({ listen: "127.0.0.1:0" });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
});

/** What Toxiproxy's own command prints when it drives our server. */
async function cli(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(cliFile, ["-h", server.url, ...args]);
  return stdout;
}

test("Toxiproxy's own command creates, breaks, inspects, toggles and deletes our proxies", async () => {
  const address = upstream.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  expect(await cli("create", "-l", "127.0.0.1:0", "-u", `127.0.0.1:${port}`, "shop")).toContain(
    "Created new proxy shop",
  );
  const listed = await cli("list");
  const listen = /127\.0\.0\.1:\d+/.exec(listed)?.[0] ?? "";
  expect(await (await fetch(`http://${listen}`)).text()).toBe("hello");

  expect(await cli("toxic", "add", "-t", "latency", "-a", "latency=300", "shop")).toContain(
    "latency_downstream",
  );
  expect(await cli("inspect", "shop")).toContain("latency=300");
  const startedMs = performance.now();
  await (await fetch(`http://${listen}`)).text();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(299);

  await cli("toxic", "update", "-n", "latency_downstream", "-a", "latency=1", "shop");
  expect(await cli("inspect", "shop")).toContain("latency=1");
  await cli("toxic", "remove", "-n", "latency_downstream", "shop");
  expect(await cli("inspect", "shop")).not.toContain("latency_downstream");

  expect(await cli("toggle", "shop")).toContain("disabled");
  await expect(fetch(`http://${listen}`)).rejects.toThrow();
  await cli("toggle", "shop");
  expect(await (await fetch(`http://${listen}`)).text()).toBe("hello");
  await cli("delete", "shop");
  expect(await cli("list")).not.toContain("shop");
});
