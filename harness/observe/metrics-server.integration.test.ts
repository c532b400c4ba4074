import { expect, test } from "vitest";
import { parseAddress } from "../base/address.ts";
import { serveMetrics } from "./metrics-server.ts";

const anyPort = { host: "127.0.0.1", port: 0 };
const contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

test("it shows the metrics as they are when it is asked, and nothing else", async () => {
  let asked = 0;
  const text = (): Promise<string> => Promise.resolve(`a ${(asked += 1)}\n# EOF\n`);
  await using server = await serveMetrics(anyPort, { contentType, text });
  for (const count of [1, 2]) {
    const response = await fetch(server.url);
    expect(response.headers.get("content-type")).toBe(contentType);
    expect(await response.text()).toBe(`a ${count}\n# EOF\n`);
  }
  expect((await fetch(server.url.replace("/metrics", "/"))).status).toBe(404);
  expect((await fetch(server.url, { method: "POST" })).status).toBe(404);
});

test("metrics that cannot be told are an error of that answer alone", async () => {
  let isBroken = true;
  const text = (): Promise<string> =>
    isBroken ? Promise.reject(new Error("no")) : Promise.resolve("a 1\n# EOF\n");
  await using server = await serveMetrics(anyPort, { contentType, text });
  expect((await fetch(server.url)).status).toBe(500);
  isBroken = false;
  expect((await fetch(server.url)).status).toBe(200);
});

test("a port that is taken, and an address that is not this machine's, are errors of their own", async () => {
  const text = (): Promise<string> => Promise.resolve("# EOF\n");
  await using server = await serveMetrics(anyPort, { contentType, text });
  const taken = parseAddress(new URL(server.url).host) ?? anyPort;
  await expect(serveMetrics(taken, { contentType, text })).rejects.toMatchObject({
    code: "SQUALL_PORT_IN_USE",
  });
  await expect(serveMetrics({ host: "192.0.2.1", port: 0 }, { contentType, text })).rejects.toMatchObject({
    code: "SQUALL_USAGE",
  });
});
