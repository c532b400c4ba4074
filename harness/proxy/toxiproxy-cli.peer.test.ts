import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProxyServer, type ProxyServer } from "./proxy-server.ts";
import { toxicKinds } from "./toxics/registry.ts";

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

/** What it prints when our server refuses. */
async function refusal(...args: readonly string[]): Promise<string> {
  try {
    await cli(...args);
  } catch (error) {
    return (error as { readonly stderr: string }).stderr;
  }
  throw new Error("it was not refused");
}

async function create(name: string): Promise<string> {
  const address = upstream.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  expect(await cli("create", "-l", "127.0.0.1:0", "-u", `127.0.0.1:${port}`, name)).toContain(
    `Created new proxy ${name}`,
  );
  const line = (await cli("list")).split("\n").find((text) => text.startsWith(`${name}\t`)) ?? "";
  return /127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
}

test("Toxiproxy's own command creates, breaks, inspects, toggles and deletes our proxies", async () => {
  const listen = await create("shop");
  expect(await (await fetch(`http://${listen}`)).text()).toBe("hello");

  expect(await cli("toxic", "add", "-t", "latency", "-a", "latency=300", "shop")).toBe(
    "Added downstream latency toxic 'latency_downstream' on proxy 'shop'\n",
  );
  expect(await cli("inspect", "shop")).toContain("latency=300");
  const startedMs = performance.now();
  await (await fetch(`http://${listen}`)).text();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(299);

  expect(await cli("toxic", "update", "-n", "latency_downstream", "-a", "latency=1", "shop")).toBe(
    "Updated toxic 'latency_downstream' on proxy 'shop'\n",
  );
  expect(await cli("inspect", "shop")).toContain("latency=1\t");
  expect(await cli("toxic", "remove", "-n", "latency_downstream", "shop")).toBe(
    "Removed toxic 'latency_downstream' on proxy 'shop'\n",
  );
  expect(await cli("inspect", "shop")).not.toContain("latency_downstream");

  expect(await cli("toggle", "shop")).toBe("Proxy shop is now disabled\n");
  await expect(fetch(`http://${listen}`)).rejects.toThrow();
  expect(await cli("toggle", "shop")).toBe("Proxy shop is now enabled\n");
  expect(await (await fetch(`http://${listen}`)).text()).toBe("hello");
  expect(await cli("delete", "shop")).toBe("Deleted proxy shop\n");
  expect(await cli("list")).not.toContain("shop");
});

test("its other names and flags of these commands work too, and each of Toxiproxy's toxics", async () => {
  await create("flags");
  for (const [type, ...attributes] of [
    ["bandwidth", "rate=100"],
    ["slow_close", "delay=1"],
    ["timeout", "timeout=5"],
    ["reset_peer", "timeout=5"],
    ["slicer", "average_size=10", "size_variation=2", "delay=3"],
    ["limit_data", "bytes=1000"],
    ["latency", "latency=1", "jitter=1", "distribution=normal"],
  ] as const) {
    const given = attributes.flatMap((attribute) => ["--attribute", attribute]);
    const name = `my-${type}`;
    const added = await cli(
      "t",
      "a",
      "--type",
      type,
      "--toxicName",
      name,
      "--upstream",
      "--tox",
      "0.5",
      ...given,
      "flags",
    );
    expect(added).toBe(`Added upstream ${type} toxic '${name}' on proxy 'flags'\n`);
    const inspected = (await cli("ins", "flags")).split("\n").find((line) => line.startsWith(name)) ?? "";
    expect(inspected).toContain("stream=upstream\ttoxicity=0.50\t");
    for (const attribute of attributes) expect(inspected).toContain(attribute);
  }
  await cli("t", "u", "-n", "my-latency", "--toxicity", "0.25", "-a", "jitter=0", "flags");
  expect(await cli("i", "flags")).toContain("my-latency\ttype=latency\tstream=upstream\ttoxicity=0.25");
  for (const verb of ["r", "delete", "d"])
    expect(await cli("t", verb, "-n", `my-${verbs[verb]}`, "flags")).toContain("Removed");
  await cli("d", "flags");
});

const verbs: Readonly<Record<string, string>> = { r: "bandwidth", delete: "timeout", d: "slicer" };

test("what our server refuses it prints as it was said", async () => {
  await create("once");
  expect(await refusal("create", "-l", "127.0.0.1:0", "-u", "127.0.0.1:1", "once")).toContain(
    "HTTP 409: proxy already exists",
  );
  expect(await refusal("inspect", "none")).toContain("HTTP 404: proxy not found");
  expect(await refusal("toxic", "add", "-t", "latency", "-a", "latncy=5", "once")).toContain(
    'unknown key "latncy", did you mean "latency"?',
  );
  expect(await refusal("toxic", "remove", "-n", "none", "once")).toContain("HTTP 404: toxic not found");
  await cli("delete", "once");
});

test.runIf(toxicKinds.has("http_status"))(
  "it adds faults of HTTP calls, whose attributes are texts and numbers",
  async () => {
    const listen = await create("calls");
    const given = ["-a", "status=503", "-a", "match=GET /broken", "-a", "times=1"];
    expect(await cli("toxic", "add", "-t", "http_status", ...given, "calls")).toContain(
      "Added downstream http_status",
    );
    expect((await fetch(`http://${listen}/whole`)).status).toBe(200);
    expect((await fetch(`http://${listen}/broken`)).status).toBe(503);
    expect((await fetch(`http://${listen}/broken`)).status).toBe(200);
    await cli("delete", "calls");
  },
);
