import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startServer, type ProxyJson } from "./proxy.fixture.ts";

/** What clients of other languages do, and what stray requests look like. */
let proxy: Awaited<ReturnType<typeof startServer>>;
beforeEach(async () => {
  proxy = await startServer();
});
afterEach(() => proxy[Symbol.asyncDispose]());

const upstream = "127.0.0.1:1";

it.each(["/proxies/", "//proxies", "/proxies//"])("%s is /proxies", async (path) => {
  expect((await proxy.call("POST", path, { name: "a", upstream })).status).toBe(201);
  expect(Object.keys((await proxy.call("GET", path)).json as object)).toEqual(["a"]);
  expect((await proxy.call("GET", `${path}?a=b`)).status).toBe(200);
});

it.each([undefined, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"])(
  "a body is JSON although its content type is %s",
  async (contentType) => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = contentType === undefined ? {} : { "content-type": contentType };
      const outgoing = request(`${proxy.server.url}/proxies`, { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on("error", reject).end(JSON.stringify({ name: "a", upstream }));
    });
    expect(status).toBe(201);
  },
);

it("what Go's client sends for fields that are not set is as if they were not there", async () => {
  const created = await proxy.expectOk("POST", "/proxies", {
    name: "a",
    listen: "",
    upstream,
    enabled: true,
    toxics: null,
  });
  expect((created as ProxyJson).listen).toMatch(/^127\.0\.0\.1:[1-9]/);
  expect(await proxy.expectOk("POST", "/proxies/a", created)).toEqual(created);
  const toxic = { name: "", type: "latency", toxicity: null, stream: null, attributes: null };
  expect(await proxy.addToxic(toxic, "a")).toMatchObject({ name: "latency_downstream", toxicity: 1 });
  expect((await proxy.call("PATCH", "/proxies/a", { enabled: null, listen: null })).status).toBe(200);
});

it("a proxy as Toxiproxy 2.12 shows it can be created and changed, although it shows its logger", async () => {
  const shown = { name: "a", listen: "127.0.0.1:0", upstream, enabled: true, Logger: {}, toxics: [] };
  expect((await proxy.call("POST", "/populate", [shown])).status).toBe(201);
  expect((await proxy.call("POST", "/proxies/a", { ...shown, enabled: false })).status).toBe(200);
});

it("an empty body resets and renews, and is refused where something must be said", async () => {
  expect((await proxy.call("POST", "/reset", "")).status).toBe(204);
  expect((await proxy.call("PUT", "/leases/a", "")).status).toBe(200);
  await proxy.expectOk("POST", "/proxies", { name: "a", upstream });
  for (const [method, path] of [
    ["POST", "/proxies"],
    ["POST", "/populate"],
    ["PATCH", "/proxies/a"],
    ["POST", "/proxies/a/toxics"],
  ] as const)
    expect(await proxy.call(method, path, ""), path).toMatchObject({ status: 400 });
});

it("HEAD is GET without a body", async () => {
  for (const path of ["/version", "/proxies", "/metrics", "/events"]) {
    const { status, contentType, text } = await proxy.call("HEAD", path);
    expect({ status, text }, path).toEqual({ status: 200, text: "" });
    expect(contentType).not.toBeNull();
  }
  expect((await proxy.call("HEAD", "/proxies/a")).status).toBe(404);
  expect((await proxy.call("HEAD", "/reset")).status).toBe(405);
});

it("names with any character are found by their encoded path", async () => {
  for (const name of ["a/b", "a b", "ü ->%", "..", "?x=#", "toxics", "__proto__"]) {
    await proxy.expectOk("POST", "/proxies", { name, upstream });
    const path = `/proxies/${name === ".." ? "%2e%2e" : encodeURIComponent(name)}`;
    if (name !== "..") {
      await proxy.expectOk("POST", `${path}/toxics`, { type: "noop", name });
      expect(await proxy.expectOk("GET", `${path}/toxics/${encodeURIComponent(name)}`)).toMatchObject({
        name,
      });
      expect(await proxy.expectOk("GET", path)).toMatchObject({ name });
    }
    expect(Object.keys((await proxy.expectOk("GET", "/proxies")) as object)).toContain(name);
  }
  expect((await proxy.call("GET", "/proxies/%")).status).toBe(404);
});

it("a body over 1 MiB is a 413, with or without a length, and one without end is cut", async () => {
  const huge = JSON.stringify({ name: "a".repeat(1_024 * 1_024), upstream });
  expect(await proxy.call("POST", "/proxies", huge)).toMatchObject({
    status: 413,
    json: { error: "bad request body: expected at most 1048576 bytes", status: 413 },
  });
  const endless = connect(proxy.server.address).on("error", () => undefined);
  endless.write("POST /proxies HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
  const piece = `10000\r\n${" ".repeat(0x10000)}\r\n`;
  const pour = (): void => {
    while (!endless.destroyed && endless.write(piece));
  };
  const cut = new Promise<void>((resolve) => endless.once("close", () => resolve()));
  endless.on("drain", pour);
  pour();
  await cut;
  expect((await proxy.call("GET", "/version")).status).toBe(200);
});

it("a body nested without end, and one with a thousand unknown keys, are refused in few words", async () => {
  const deep = `${'{"name": '.repeat(100_000)}1${"}".repeat(100_000)}`;
  const nested = await proxy.call("POST", "/proxies", deep);
  expect(nested).toMatchObject({
    status: 400,
    json: { error: "bad request body: nested deeper than 32 levels", status: 400 },
  });
  const keys = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`${index}${"k".repeat(500)}`, 1]),
  );
  const unknown = await proxy.call("POST", "/proxies", { name: "a", upstream, ...keys });
  expect(unknown.status).toBe(400);
  expect(unknown.text.length).toBeLessThan(10_000);
});
