import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { readJsonl } from "../base/jsonl.ts";
import { historyLineSchema, type HistoryLine } from "../record/history.ts";
import { startDriver } from "./driver.ts";

const page = readFileSync(new URL("../../docs/journeys.md", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "squall-journeys-"));

/** The example of the page, which stands elsewhere than a module of the project would. */
function exampleModule(): string {
  const [, example = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
  const [, accounts = ""] = /```csv\n(.*?)```/s.exec(page) ?? [];
  writeFileSync(join(folder, "accounts.csv"), accounts);
  const zod = pathToFileURL(createRequire(import.meta.url).resolve("zod")).href;
  const file = join(folder, "journeys.ts");
  writeFileSync(
    file,
    example
      .replace('"zod"', JSON.stringify(zod))
      .replace(
        '"../harness/load/data-file.ts"',
        JSON.stringify(new URL("data-file.ts", import.meta.url).href),
      )
      .replace('"../harness/load/journey.ts"', JSON.stringify(new URL("journey.ts", import.meta.url).href)),
  );
  return file;
}

it("the journeys of docs/journeys.md do what the page says", async () => {
  const loggedIn: string[] = [];
  const tokens = new Set<string | undefined>();
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    void json(request.method === "POST" ? request : Readable.from(["{}"])).then((sent) => {
      if (request.url === "/login") {
        const { email } = sent as { readonly email: string };
        loggedIn.push(email);
        return answer(200, { token: email });
      }
      if (request.url !== "/orders") return answer(200, { products: [{ id: "p-1" }] });
      tokens.add(request.headers.authorization);
      return answer(201, { orderId: "o-1", status: "confirmed" });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const historyFile = join(folder, "history.jsonl");
  {
    await using driver = await startDriver(
      {
        journeysModule: exampleModule(),
        mix: { look: 1, buy: 1 },
        arrivals: { kind: "poisson", ratePerSecond: 100, durationMs: 600 },
        seed: "docs",
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        historyFile,
        histogramsFile: join(folder, "histograms.jsonl"),
        maxConnections: 16,
        timeoutMs: 5_000,
      },
      () => undefined,
    );
    driver.begin(systemClock.nowMs());
    await driver.done;
  }
  await new Promise((resolve) => server.close(resolve));
  const { lines } = readJsonl<HistoryLine>(historyFile, (line) => historyLineSchema.parse(line));
  expect(lines.filter(({ completion }) => completion !== "ok")).toEqual([]);
  const steps = new Map(
    lines.flatMap((line) => (line.kind === "operation" ? [[line.step, line] as const] : [])),
  );
  expect([...steps.keys()].sort()).toEqual(["list-products", "log-in", "place-order", "product-page"]);
  expect(steps.get("list-products")).toMatchObject({ method: "GET", route: "/products" });
  expect(steps.get("product-page")).toMatchObject({ route: "/products/:id" });
  expect(steps.get("place-order")?.told).toEqual({ orderId: "o-1", status: "confirmed" });
  // Each account is a user's own. One with two windows may log in twice; nobody does so for each order.
  const orders = lines.filter(({ kind, journey }) => kind === "journey" && journey === "buy").length;
  expect(new Set(loggedIn)).toEqual(new Set([...tokens].map((token) => token?.replace("Bearer ", ""))));
  expect([...new Set(loggedIn)].sort()).toEqual([
    "ada@shop.example",
    "edsger@shop.example",
    "grace@shop.example",
  ]);
  expect(loggedIn.length).toBeLessThan(orders);
});
