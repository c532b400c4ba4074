import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../harness/base/wait.ts";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";
import { root, squall } from "./squall-command.ts";

/** What a customer gets: all that was asked for, that with something left out, or a refusal that says which part is away. */
type Outcome = "works" | "degraded" | "refused";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

let fleet: Fleet;
let accessToken: string;
let refreshToken: string;
let orderId: string;

beforeAll(async () => {
  await squall(["recover"]).exit;
  const up = squall(["up"]);
  expect(await up.exit, up.err()).toBe(0);
  const attached = await processRuntime().attach(loadTarget(resolve(root, "target-system/target.yaml")));
  if (attached === undefined) throw new Error("the shop is not up");
  fleet = attached;
  const session = (await logIn()).body as { accessToken: string; refreshToken: string };
  ({ accessToken, refreshToken } = session);
  ({ orderId } = (await checkOut()).body as { orderId: string });
});
afterAll(() => squall(["down"]).exit);

let keys = 0;
const logIn = () => ask("POST", "/api/login", { email: "user-001@shop.example", password: "password-001" });
const checkOut = () =>
  ask("POST", "/api/checkout", { items: [{ productId: "p-0007", quantity: 1 }] }, `isolation-${(keys += 1)}`);

const asked: Readonly<Record<string, () => Promise<Answer>>> = {
  "browses the shelves": () => ask("GET", "/api/products?category=books"),
  searches: () => ask("GET", "/api/search?q=red"),
  "opens a product's page": () => ask("GET", "/api/products/p-0007"),
  "sees what may please them": () => ask("GET", "/api/recommendations"),
  registers: () =>
    ask("POST", "/api/register", {
      email: `isolation-${(keys += 1)}@shop.example`,
      password: "a password of some length",
      name: "Someone",
    }),
  "logs in": logIn,
  "stays logged in (refresh)": async () => {
    const answer = await ask("POST", "/api/refresh", { refreshToken });
    if (typeof answer.body["refreshToken"] === "string") refreshToken = answer.body["refreshToken"];
    return answer;
  },
  "sees their profile": () => ask("GET", "/api/profile"),
  "fills a basket": () => ask("PUT", "/api/basket", { items: [{ productId: "p-0007", quantity: 1 }] }),
  "adds a card": () =>
    ask("POST", "/api/cards", { number: "5555 5555 5555 4444", expiry: "12/39", cvc: "737" }),
  "checks out": checkOut,
  "sees their orders": () => ask("GET", "/api/orders"),
  "follows an order": () => ask("GET", `/api/orders/${orderId}`),
  "cancels an order": async () => {
    const { orderId: unwanted } = (await checkOut()).body as { orderId: string };
    return ask("POST", `/api/orders/${unwanted}/cancel`);
  },
};

const deaths = ["recommendation", "notification", "user-db"] as const;

test("with part after part killed, what still works is what docs/fleet.md says", async () => {
  const columns = [await outcomes()];
  for (const name of deaths) {
    await kill(name);
    columns.push(await outcomes());
  }
  const rows = Object.keys(asked).map((what, row) => [what, ...columns.map((column) => column[row])]);
  expect(rows).toEqual(tableOf(readFileSync(resolve(root, "docs/fleet.md"), "utf8")));
});

async function outcomes(): Promise<readonly Outcome[]> {
  const found: Outcome[] = [];
  for (const [what, act] of Object.entries(asked)) found.push(outcomeOf(what, await act()));
  return found;
}

function outcomeOf(what: string, { status, body }: Answer): Outcome {
  if (status >= 500) {
    // A refusal is plain: a code, a sentence, and nothing of the inside.
    expect(body, what).toEqual({
      error: expect.stringMatching(/unavailable$/) as unknown,
      message: expect.any(String) as unknown,
    });
    return "refused";
  }
  expect([200, 201], `${what}: ${status} ${JSON.stringify(body)}`).toContain(status);
  return body["degraded"] === true ? "degraded" : "works";
}

async function ask(method: string, path: string, body?: unknown, key?: string): Promise<Answer> {
  const response = await fetch(fleet.entry + path, {
    method,
    headers: {
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "idempotency-key": key }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** Kills every process of a part without warning. */
async function kill(name: string): Promise<void> {
  const pids = fleet.processes.filter((one) => one.name === name).map(({ pid }) => pid);
  expect(pids, name).not.toEqual([]);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await waitFor({ what: `${name} to be gone`, withinMs: 10_000 }, () => !pids.some(isThere));
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** The rows of the page's first table, without its head. */
function tableOf(page: string): readonly (readonly string[])[] {
  const [table = ""] = /(^\|.*\n)+/m.exec(page) ?? [];
  const lines = table.trimEnd().split("\n");
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
