import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";

/** The gateway as a process, with accounts behind it; what it passes on to payment and order is written down. */

interface Asked {
  readonly line: string;
  readonly userId: string | undefined;
  readonly body: string;
}

/** Stands where a service would: remembers what it is asked and answers 200. */
async function startListener(asked: Asked[]) {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const { sub } = decodeJwt(request.headers.authorization?.replace("Bearer ", "") ?? "");
      asked.push({ line: `${request.method} ${request.url}`, userId: sub, body });
      response.writeHead(200, { "content-type": "application/json" }).end('{"heard":true}');
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

let postgres: TestPostgres;
let user: TestService;
let gateway: TestService;
let listener: Awaited<ReturnType<typeof startListener>>;
let nobody: string;
const asked: Asked[] = [];

async function startGateway(
  database: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TestService> {
  return startTestService({
    main: "gateway/main.ts",
    env: {
      DATABASE_URL: await postgres.database(database),
      USER_URL: user.url,
      CATALOG_URL: nobody,
      RECOMMENDATION_URL: nobody,
      ORDER_URL: listener.url,
      PAYMENT_URL: listener.url,
      ...env,
    },
  });
}

beforeAll(async () => {
  [postgres, listener] = await Promise.all([startPostgres(), startListener(asked)]);
  nobody = `http://127.0.0.1:${await freePort()}`;
  user = await startTestService({
    main: "user/main.ts",
    env: { DATABASE_URL: await postgres.database("user") },
  });
  gateway = await startGateway("gateway");
});
afterAll(async () => {
  await Promise.all([gateway, user].map((service) => service.stop("SIGKILL")));
  listener.server.close();
  await postgres[Symbol.asyncDispose]();
});

async function bearerOf(number: string): Promise<Readonly<Record<string, string>>> {
  const { body } = await gateway.request("POST", "/api/login", {
    email: `user-${number}@shop.example`,
    password: `password-${number}`,
  });
  return { authorization: `Bearer ${(body as { accessToken: string }).accessToken}` };
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(gateway.url + path, { headers });

describe("what a client may send", () => {
  it("a body that is too large is refused with 413 and in plain words", async () => {
    const items = [{ productId: "p".repeat(70 * 1_024), quantity: 1 }];
    expect(await gateway.request("PUT", "/api/basket", { items }, await bearerOf("001"))).toEqual({
      status: 413,
      body: { error: "request-too-large", message: "the body of this request is too large" },
    });
  });

  /** How many of twenty requests at once were refused for being too many, and what one of them was told. */
  async function refusedOfTwenty(
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<readonly Response[]> {
    const answers = Array.from({ length: 20 }, () => fetch(url, { headers }));
    return (await Promise.all(answers)).filter(({ status }) => status === 429);
  }

  async function countedBy(service: TestService, by: "address" | "user"): Promise<number> {
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    const sample = new RegExp(`^gateway_rate_limited_total\\{(?=.*by="${by}").*\\} (\\d+)$`, "m");
    return Number(sample.exec(metrics)?.[1] ?? 0);
  }

  it("an address that asks too often is told 429 and when to come again; health and metrics are always answered", async () => {
    await using strict = await startGateway("strict", { RATE_LIMIT: "1" });
    const refused = await refusedOfTwenty(`${strict.url}/api/basket`);
    expect(refused.length).toBeGreaterThan(0);
    expect([refused[0]?.headers.get("retry-after"), await refused[0]?.json()]).toEqual([
      "1",
      { error: "too-many-requests", message: "too many requests; come again in a moment" },
    ]);
    expect(await refusedOfTwenty(`${strict.url}/live`)).toEqual([]);
    expect(await countedBy(strict, "address")).toBe(refused.length);
  });

  it("users share no limit with each other, nor with their address; a token made up counts for the address", async () => {
    await using strict = await startGateway("strict-users", { RATE_LIMIT: "1", USER_RATE_LIMIT: "1" });
    const [mine, theirs] = [await bearerOf("002"), await bearerOf("003")];
    const forged = { authorization: `${mine["authorization"]?.slice(0, -4)}AAAA` };
    const basket = `${strict.url}/api/basket`;
    const refused = await refusedOfTwenty(basket, mine);
    expect(refused.length).toBeGreaterThan(0);
    expect((await fetch(basket, { headers: theirs })).status).toBe(200);
    expect([await countedBy(strict, "user"), await countedBy(strict, "address")]).toEqual([
      refused.length,
      0,
    ]);
    expect((await refusedOfTwenty(basket, forged)).length).toBeGreaterThan(0);
    expect(await countedBy(strict, "address")).toBeGreaterThan(0);
    expect(await countedBy(strict, "user")).toBe(refused.length);
  });

  it("a load from one address is not limited unless somebody says so", async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, () => get("/api/basket")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  });
});

describe("the page", () => {
  it("may run its own code alone, and be framed by nobody; the API is for no browser to keep", async () => {
    const page = await get("/");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
    expect(await page.text()).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    const api = await get("/api/basket");
    expect(Object.fromEntries(api.headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
  });

  it("each module that it loads is there, gzipped for those who can read that, and not sent twice", async () => {
    const seen = new Set(["/storefront/main.js"]);
    for (const path of seen) {
      const answer = await get(path, { "accept-encoding": "gzip" });
      expect([path, answer.status, answer.headers.get("content-encoding")]).toEqual([path, 200, "gzip"]);
      expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
      for (const [, module = ""] of (await answer.text()).matchAll(
        /^(?:import|export) .*?from "(\..+?)";/gms,
      ))
        seen.add(new URL(module, `http://shop${path}`).pathname);
    }
    expect(seen.size).toBeGreaterThan(20);
    const style = await get("/storefront/style.css");
    const etag = style.headers.get("etag") ?? "";
    expect([style.status, style.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    const again = await get("/storefront/style.css", { "if-none-match": etag });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("serves nothing but itself", async () => {
    for (const path of [
      "/storefront/../main.ts",
      "/storefront/..%2fmain.ts",
      "/storefront/tsconfig.json",
      "/storefront/types.d.ts",
      "/storefront/none.js",
      "/api/nowhere",
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  it("an address without a page is a 404 with a page for people, and with a plain error for programs", async () => {
    const page = await get("/nowhere", { accept: "text/html,*/*" });
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(await (await get("/nowhere")).json()).toEqual({
      error: "not-found",
      message: "no such resource",
    });
    expect(await (await get("/api/nowhere", { accept: "text/html" })).json()).toMatchObject({
      error: "not-found",
    });
  });
});

describe("what is passed on", () => {
  it("cards are asked for in the name of the user, and of nobody without a token", async () => {
    const bearer = await bearerOf("004");
    asked.length = 0;
    expect((await gateway.request("GET", "/api/cards")).status).toBe(401);
    expect((await gateway.request("GET", "/api/cards", undefined, bearer)).body).toEqual({ heard: true });
    await gateway.request("DELETE", "/api/cards/c%2F1", undefined, bearer);
    expect(asked.map(({ line }) => line)).toEqual([
      "GET /users/user-004/cards",
      "DELETE /users/user-004/cards/c%2F1",
    ]);
  });

  it("a card's number is handed on once, and is in no log, metric or error", async () => {
    const bearer = await bearerOf("005");
    const number = "4000 0000 0000 0341";
    asked.length = 0;
    const card = { number, expiry: "12/30", cvc: "737" };
    expect((await gateway.request("POST", "/api/cards", card, bearer)).status).toBe(200);
    expect(asked).toEqual([
      { line: "POST /users/user-005/cards", userId: "user-005", body: JSON.stringify(card) },
    ]);
    const refused = await gateway.request("POST", "/api/cards", { ...card, number: `${number}x` }, bearer);
    expect(refused.status).toBe(400);
    const told = JSON.stringify(refused) + gateway.log() + (await (await get("/metrics")).text());
    for (const secret of [number, number.replaceAll(" ", ""), '"737"']) expect(told).not.toContain(secret);
  });

  it("a checkout says which card, and a cancellation whose order", async () => {
    const bearer = await bearerOf("006");
    asked.length = 0;
    const items = [{ productId: "p-0001", quantity: 1 }];
    await gateway.request(
      "POST",
      "/api/checkout",
      { items, cardId: "c-1" },
      { ...bearer, "idempotency-key": "k" },
    );
    await gateway.request("POST", "/api/orders/o-1/cancel", undefined, bearer);
    expect((await gateway.request("POST", "/api/orders/o-1/cancel")).status).toBe(401);
    expect(asked).toEqual([
      { line: "POST /orders", userId: "user-006", body: JSON.stringify({ items, cardId: "c-1" }) },
      { line: "POST /orders/o-1/cancel", userId: "user-006", body: "" },
    ]);
  });
});
