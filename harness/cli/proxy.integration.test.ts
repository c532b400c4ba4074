import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { fakeHost, type FakeHostOptions } from "./fake-host.ts";
import { main } from "./main.ts";
import { proxyCommand } from "./proxy.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-proxy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(proxies: unknown): string {
  const file = join(folder, "proxies.json");
  writeFileSync(file, JSON.stringify(proxies));
  return file;
}

/** The command while it runs: what it said that it listens on, and how it ends on a signal. */
async function start(args: readonly string[], options?: FakeHostOptions) {
  const host = fakeHost(["proxy", "--listen", "127.0.0.1:0", ...args], options);
  const exit = main(host);
  await Promise.race([waitFor({ what: "the ready line", withinMs: 10_000 }, () => host.out() !== ""), exit]);
  return {
    out: host.out(),
    err: host.err,
    exit,
    async end(signal: NodeJS.Signals) {
      expect(host.signal(signal)).toBe(1);
      expect(await exit).toBe(0);
      expect(host.signal(signal)).toBe(0);
    },
  };
}

const ready = (out: string) =>
  JSON.parse(out) as { listen: string; proxies: { name: string; listen: string; upstream: string }[] };

test.each(["SIGINT", "SIGTERM"] as const)(
  "says in one line of JSON where it and its proxies listen, and ends on %s with 0",
  async (signal) => {
    const config = write([
      { name: "db", upstream: "127.0.0.1:5432", toxics: [{ type: "latency", ttl_ms: 60_000 }] },
    ]);
    const proxy = await start(["--json", "--config", config]);
    expect(proxy.out.split("\n")).toHaveLength(2);
    const { listen, proxies } = ready(proxy.out);
    expect(proxies).toEqual([
      {
        name: "db",
        listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]/) as string,
        upstream: "127.0.0.1:5432",
      },
    ]);
    const toxics = await (await fetch(`http://${listen}/proxies/db/toxics`)).json();
    expect(toxics).toMatchObject([{ name: "latency_downstream" }]);
    await proxy.end(signal);
    await expect(fetch(`http://${listen}/version`)).rejects.toThrow();
  },
);

test("tells a person where to go and how to end it", async () => {
  const proxy = await start(["--config", write([{ name: "db", upstream: "127.0.0.1:5432" }])]);
  expect(proxy.out).toMatch(
    /^the proxy's API answers at http:\/\/127\.0\.0\.1:\d+; Ctrl-C ends it\n {2}db {2}127\.0\.0\.1:\d+ => 127\.0\.0\.1:5432\n$/,
  );
  await proxy.end("SIGINT");
});

test("takes the token from the environment, and from the command line before that", async () => {
  const env = { SQUALL_PROXY_TOKEN: "from-env" };
  const status = async (listen: string, token: string): Promise<number> =>
    (await fetch(`http://${listen}/version`, { headers: { authorization: `Bearer ${token}` } })).status;
  const one = await start(["--json"], { env });
  expect(await status(ready(one.out).listen, "from-env")).toBe(200);
  expect(await status(ready(one.out).listen, "other")).toBe(401);
  await one.end("SIGTERM");
  const other = await start(["--json", "--token", "given"], { env });
  expect(await status(ready(other.out).listen, "given")).toBe(200);
  expect(await status(ready(other.out).listen, "from-env")).toBe(401);
  await other.end("SIGTERM");
});

test("the lease and the seed are passed on", async () => {
  const proxy = await start(["--json", "--lease", "2s", "--seed", "7"]);
  const lease = await fetch(`http://${ready(proxy.out).listen}/leases/run`, { method: "PUT" });
  expect(await lease.json()).toMatchObject({ ttl_ms: 2_000 });
  await proxy.end("SIGTERM");
});

test("a configuration with mistakes is refused with all of them before anything listens", async () => {
  const config = write([
    { name: "a", upstream: "127.0.0.1:1" },
    { name: "b", upstream: "nowhere", toxics: [{ type: "lag" }] },
  ]);
  const proxy = await start(["--config", config]);
  expect(await proxy.exit).toBe(3);
  expect(proxy.out).toBe("");
  expect(proxy.err()).toContain("is not a valid proxy configuration (2 problems)");
  expect(proxy.err()).toMatch(/\[1\]\.upstream +expected an address/);
  expect(proxy.err()).toMatch(/\[1\]\.toxics\[0\]\.type +invalid toxic type/);
  expect(proxy.err()).toContain("hint: the format is described in docs/proxy.md");
});

test("a port of a proxy that another program has ends it with 3, and nothing is left listening", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port: first } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const config = write([
    { name: "a", listen: `127.0.0.1:${first}`, upstream: "127.0.0.1:1" },
    { name: "b", listen: `127.0.0.1:${port}`, upstream: "127.0.0.1:1" },
  ]);
  const proxy = await start(["--config", config]);
  expect(await proxy.exit).toBe(3);
  expect(proxy.err()).toContain(`cannot listen on 127.0.0.1:${port}: another program has the port`);
  const again = createServer();
  await new Promise<void>((resolve, reject) => {
    again.once("error", reject).listen(first, "127.0.0.1", resolve);
  });
  again.close();
  taken.close();
});

test("docs/proxy.md names every option with its default, and no other", () => {
  const page = readFileSync("docs/proxy.md", "utf8");
  const told = [...page.matchAll(/^\| `(--\w+)` +\| (.*?) +\|/gm)].map(([, option, value]) => [
    option,
    value,
  ]);
  const { options } = proxyCommand({ host: fakeHost([]), exitWith: () => undefined });
  const expected = options.map(({ long, defaultValue, required }) => [
    long,
    defaultValue === undefined ? (required ? "none" : "") : `\`${String(defaultValue)}\``,
  ]);
  expect(told).toEqual(expected);
});
