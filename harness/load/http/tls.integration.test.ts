import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { createClient, type Client, type TlsOptions } from "./client.ts";
import { startRawServer, type RawServer } from "./fixtures/raw-server.ts";

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
/** Of localhost, 127.0.0.1, ::1 and shop.example; signed by itself, good for a hundred years. */
const cert = fixture("self-signed.cert.pem");
const key = fixture("self-signed.key.pem");

let server: RawServer;
let client: Client;
afterEach(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

const answerOf = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const get = () => client.exchange({ method: "GET", path: "/", headers: {} });

async function open(tls: TlsOptions, { host = "127.0.0.1", body = "ok", timeoutMs = 5_000 } = {}) {
  server = await startRawServer((socket) => socket.write(answerOf(body)), { tls: { cert, key } });
  client = createClient({ baseUrl: `https://${host}:${server.port}`, maxConnections: 1, timeoutMs, tls });
}

it("requests follow each other on one connection over TLS", async () => {
  const body = "x".repeat(200_000); // several records
  await open({ ca: cert }, { body });
  for (const time of [1, 2, 3]) {
    const exchange = await get();
    expect([time, exchange.kind]).toEqual([time, "answered"]);
    expect(exchange.kind === "answered" && exchange.text === body).toBe(true);
  }
  expect(server.sockets).toHaveLength(1);
});

it("the server's name is checked, and told to the server", async () => {
  await open({ ca: cert }, { host: "localhost" });
  expect(await get()).toMatchObject({ kind: "answered" });
});

it("a server that nobody vouches for is refused, before anything is sent", async () => {
  await open({});
  const exchange = await get();
  expect(exchange).toMatchObject({
    kind: "refused",
    message: expect.stringMatching(/self-signed/) as string,
  });
  expect(exchange).not.toHaveProperty("sentMs");
  expect(server.reads).toEqual([]);
});

it("an insecure client takes any certificate", async () => {
  await open({ insecure: true });
  expect(await get()).toMatchObject({ kind: "answered" });
});

it("a server that speaks no TLS is refused", async () => {
  server = await startRawServer((socket) => socket.write(answerOf("ok")));
  client = createClient({ baseUrl: `https://127.0.0.1:${server.port}`, maxConnections: 1, timeoutMs: 5_000 });
  expect(await get()).toMatchObject({ kind: "refused" });
});

it("a handshake that does not end is given up at the request's time, which was not sent", async () => {
  server = await startRawServer(() => undefined);
  client = createClient({ baseUrl: `https://127.0.0.1:${server.port}`, maxConnections: 1, timeoutMs: 200 });
  const exchange = await get();
  expect(exchange).toMatchObject({ kind: "refused", message: "no whole answer within 200 ms" });
  expect(exchange).not.toHaveProperty("sentMs");
});

it("a connection that the server ends after the request is lost, as without TLS", async () => {
  server = await startRawServer((socket) => socket.destroy(), { tls: { cert, key } });
  client = createClient({
    baseUrl: `https://127.0.0.1:${server.port}`,
    maxConnections: 1,
    timeoutMs: 5_000,
    tls: { insecure: true },
  });
  expect(await get()).toMatchObject({ kind: "reset", sentMs: expect.any(Number) as number });
});
