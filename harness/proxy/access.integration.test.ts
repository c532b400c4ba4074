import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProxyServer } from "./proxy-server.ts";
import { startServer } from "./proxy.fixture.ts";

/** One call with just these headers; `fetch` would not send some of them. */
async function ask(
  server: { readonly address: { readonly host: string; readonly port: number } },
  headers: Readonly<Record<string, string>>,
  method = "GET",
): Promise<{ status: number; text: string; challenge: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...server.address, path: "/version", method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text,
          challenge: response.headers["www-authenticate"],
        }),
      );
    });
    outgoing.on("error", reject).end();
  });
}

describe("without a token", () => {
  let proxy: Awaited<ReturnType<typeof startServer>>;
  beforeEach(async () => {
    proxy = await startServer();
  });
  afterEach(() => proxy[Symbol.asyncDispose]());

  it.each([
    {},
    { host: "localhost:8474" },
    { host: "LOCALHOST" },
    { host: "127.0.0.1:1" },
    { host: "10.1.2.3" },
    { host: "[::1]:8474" },
    { "user-agent": "toxiproxy-cli/v2.12.0 (linux/amd64)" },
    { "user-agent": "Ruby" },
    { "user-agent": "" },
    { "sec-fetch-mode": "cors" },
    { host: "127.0.0.1:8474", origin: "http://127.0.0.1:8474" },
    { "sec-fetch-site": "none" },
    { authorization: "Bearer anything" },
  ])("%j may ask", async (headers) => {
    expect((await ask(proxy.server, headers)).status).toBe(200);
  });

  it.each([
    [{ "user-agent": "Mozilla/5.0 (X11)" }, "User agent not allowed\n"],
    [{ origin: "http://evil.example" }, "origin not allowed"],
    [{ origin: "null" }, "origin not allowed"],
    [{ host: "127.0.0.1:8474", origin: "http://127.0.0.1:3000" }, "origin not allowed"],
    [{ host: "127.0.0.1:8474", origin: "https://127.0.0.1:8474" }, "origin not allowed"],
    [{ "sec-fetch-site": "cross-site" }, "site not allowed"],
    [{ "sec-fetch-site": "same-site" }, "site not allowed"],
    [{ host: "evil.example" }, "host not allowed, expected an IP address, localhost or the name"],
    [{ host: "evil.example:8474", origin: "http://evil.example:8474" }, "host not allowed"],
    [{ host: "localhost.evil.example" }, "host not allowed"],
    [{ host: "127.0.0.1.evil.example" }, "host not allowed"],
    [{ host: "[::1" }, "host not allowed"],
  ])("%j is refused (403)", async (headers, error) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const { status, text } = await ask(proxy.server, headers, method);
      expect(status).toBe(403);
      expect(text).toContain(error);
    }
  });

  it("a page cannot reach it by a form or a plain script: nothing is made", async () => {
    const created = await proxy.call(
      "POST",
      "/proxies",
      { name: "a", upstream: "h:1" },
      {
        origin: "http://evil.example",
        "content-type": "text/plain",
      },
    );
    expect(created).toMatchObject({ status: 403, json: { status: 403 } });
    expect(await proxy.expectOk("GET", "/proxies")).toEqual({});
  });
});

describe("with a token", () => {
  let proxy: Awaited<ReturnType<typeof startServer>>;
  beforeEach(async () => {
    proxy = await startServer({ token: "s3cret/+=" });
  });
  afterEach(() => proxy[Symbol.asyncDispose]());

  it("every call needs it: none and a wrong one are a 401 that says how", async () => {
    const missing = await ask(proxy.server, {});
    expect(missing).toMatchObject({ status: 401, challenge: "Bearer" });
    expect(JSON.parse(missing.text)).toEqual({
      error: 'token missing, expected "Authorization: Bearer TOKEN"',
      status: 401,
    });
    for (const authorization of [
      "Bearer s3cret/+",
      "Bearer s3cret/+=x",
      "Basic czNjcmV0",
      "s3cret/+=",
      "Bearer ",
    ])
      expect((await ask(proxy.server, { authorization })).status, authorization).toBe(401);
    expect((await ask(proxy.server, { authorization: "Bearer s3cret/+=" })).status).toBe(200);
    expect((await ask(proxy.server, { authorization: "bearer s3cret/+=" })).status).toBe(200);
  });

  it.each([
    ["POST", "/reset"],
    ["GET", "/metrics"],
    ["GET", "/events"],
    ["GET", "/nowhere"],
    ["PUT", "/leases/a"],
  ])("%s %s is no exception", async (method, path) => {
    expect((await proxy.call(method, path)).status).toBe(401);
  });

  it("a call with it may have any Host, as from a container that knows us by name; a browser still may not", async () => {
    const authorization = "Bearer s3cret/+=";
    expect((await ask(proxy.server, { authorization, host: "toxiproxy:8474" })).status).toBe(200);
    expect((await ask(proxy.server, { authorization, origin: "http://evil.example" })).status).toBe(403);
  });
});

describe("an address that other machines reach", () => {
  it.each(["0.0.0.0:0", "[::]:0"])("%s needs a token", async (listen) => {
    await expect(startProxyServer({ listen })).rejects.toMatchObject({
      code: "SQUALL_USAGE",
      message: `other machines reach ${listen}: expected a token, got none`,
    });
    await using server = await startProxyServer({ listen, token: "t" });
    expect(server.address.port).toBeGreaterThan(0);
  });

  it.each(["localhost:0", "127.0.0.2:0", "127.0.0.1:0"])("%s is none", async (listen) => {
    await using server = await startProxyServer({ listen });
    expect(server.address.port).toBeGreaterThan(0);
  });

  it.each(["", "two words", "näive", "a\nb"])("%j is no token", async (token) => {
    await expect(startProxyServer({ token })).rejects.toMatchObject({ code: "SQUALL_USAGE" });
  });
});
