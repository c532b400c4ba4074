import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";

const main = new URL("main.ts", import.meta.url).pathname;

it("the process says where it listens in one JSON line, answers there, and ends on SIGTERM with exit code 0", async () => {
  const child = spawn(process.execPath, [main, "--listen", "127.0.0.1:0", "--lease", "2s"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await once(reader, "line");
  const { listen } = JSON.parse(lines[0] ?? "") as { listen: string };
  const lease = await fetch(`http://${listen}/leases/run`, { method: "PUT" });
  expect(await lease.json()).toMatchObject({ name: "run", ttl_ms: 2_000 });
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(lines).toHaveLength(1);
});

it("begins with the proxies of a file, and where it may, asks for no token on every address", async () => {
  const folder = mkdtempSync(join(tmpdir(), "squall-proxy-"));
  const config = join(folder, "proxy.json");
  const spec = { name: "order->payment", listen: "0.0.0.0:0", upstream: "payment:3000" };
  writeFileSync(config, JSON.stringify([spec]));
  const args = ["--listen", "0.0.0.0:0", "--no-token", "--config", config];
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { port } = new URL(`http://${(JSON.parse(line) as { listen: string }).listen}`);
  const proxies = (await (await fetch(`http://127.0.0.1:${port}/proxies`)).json()) as Record<string, unknown>;
  expect(proxies["order->payment"]).toMatchObject({ upstream: "payment:3000", enabled: true });
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  rmSync(folder, { recursive: true });
});

it.each([
  [["--lease", "soon"], '--lease: expected a duration such as "5s", got "soon"'],
  [["--listen", "nowhere"], 'got "nowhere"'],
  [["--listen", "0.0.0.0:0"], "expected a token, got none"],
  [["--config", "/no/such/file"], "/no/such/file"],
  [["--port", "1"], "Unknown option '--port'"],
])("%j is refused with exit code 3", async (args, message) => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk) => (text += String(chunk)));
  expect(await once(child, "close")).toEqual([3, null]);
  expect(text).toContain(message);
});
