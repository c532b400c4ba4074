import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrapeMetrics } from "./metrics-scrape.ts";

const server = createServer((request, response) => {
  if (request.url === "/metrics") response.end("requests_total 7\n");
  else if (request.url === "/broken") response.writeHead(500).end("no");
  // Any other path is never answered.
});
let base: string;
let folder: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), "squall-metrics-"));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

test("each service's metrics are in a file, and those that do not answer in time are told", async () => {
  const into = join(folder, "fault");
  const failures = await scrapeMetrics(
    [
      { name: "order", url: `${base}/metrics` },
      { name: "payment", url: `${base}/broken` },
      { name: "user", url: `${base}/hangs` },
    ],
    into,
    AbortSignal.timeout(500),
  );
  expect(readdirSync(into)).toEqual(["order.prom"]);
  expect(readFileSync(join(into, "order.prom"), "utf8")).toBe("requests_total 7\n");
  expect(failures).toEqual([
    { name: "payment", message: "expected status 200, got 500" },
    { name: "user", message: expect.stringContaining("timeout") as string },
  ]);
});
