import { spawn } from "node:child_process";
import { once } from "node:events";
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

it.each([
  [["--lease", "soon"], '--lease: expected a duration such as "5s", got "soon"'],
  [["--listen", "nowhere"], 'got "nowhere"'],
  [["--port", "1"], "Unknown option '--port'"],
])("%j is refused with exit code 3", async (args, message) => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk) => (text += String(chunk)));
  expect(await once(child, "close")).toEqual([3, null]);
  expect(text).toContain(message);
});
