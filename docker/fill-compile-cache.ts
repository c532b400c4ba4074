/**
 * Fills Node's compile cache (NODE_COMPILE_CACHE) when the image is built: each process of a container runs once, with nobody
 * to call, until it answers; what it has compiled it keeps when it ends. So containers, whose root is read-only, neither strip
 * types nor compile what they start with.
 *
 *   node docker/fill-compile-cache.ts
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { waitFor } from "../harness/base/wait.ts";
import { readYamlDocument } from "../harness/base/yaml-document.ts";
import { parseTarget } from "../harness/target/load-target.ts";

interface Program {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it answers once it has started, with whatever status. */
  readonly urls: readonly string[];
}

const answerWithinMs = 60_000;
const image = resolve(import.meta.dirname, "..");
const targetFile = join(image, "target-system/target.yaml");
// Not by `loadTarget`: some of what the file names is not in the image.
const target = parseTarget(readYamlDocument(targetFile, "target").value, targetFile);
/** Where nobody listens: the port of "discard". */
const nobody = "127.0.0.1:9";

if (process.env["NODE_COMPILE_CACHE"] === undefined) throw new Error("expected NODE_COMPILE_CACHE");
const folders = mkdtempSync(join(tmpdir(), "squall-fill-"));
const parts = [...Object.entries(target.services), ...Object.entries(target.outside)];
for (const [name, { command, ports, ready }] of parts) {
  const variables = Object.values(ports).map(({ env }, index): [string, string] => [env, `${3_000 + index}`]);
  const calls = Object.values(target.services[name]?.calls ?? {});
  await run({
    cwd: target.folder,
    args: command.slice(1), // of `node`
    env: {
      ...Object.fromEntries(variables),
      ...Object.fromEntries(calls.map(({ env, value }) => [env, value.replace("{address}", nobody)])),
      ...Object.fromEntries(Object.values(target.folders).map(({ env }) => [env, folders])),
    },
    // The description asks for every schema, and so for what compiles them.
    urls: [ready, "/metrics", "/openapi.json"].map((path) => `http://127.0.0.1:3000${path}`),
  });
}
await run({
  cwd: image,
  args: ["harness/proxy/main.ts", "--listen=127.0.0.1:8474", "--no-token", "--config=docker/proxy.json"],
  env: {},
  urls: ["/version", "/metrics"].map((path) => `http://127.0.0.1:8474${path}`),
});
await run({
  cwd: image,
  args: ["harness/observe/receiver-main.ts", "--listen=127.0.0.1:4318"],
  env: {},
  urls: ["http://127.0.0.1:4318/stats"],
});
rmSync(folders, { recursive: true });

async function run({ cwd, args, env, urls }: Program): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, "exit");
  for (const url of urls)
    await waitFor({ what: `${args.join(" ")} answers ${url}`, withinMs: answerWithinMs }, async () => {
      if (child.exitCode !== null) return true; // why, is told below
      await (await fetch(url)).arrayBuffer();
      return true;
    });
  child.kill("SIGTERM");
  await ended;
  if (child.exitCode !== 0)
    throw new Error(`${args.join(" ")} ended with ${child.exitCode}: ${(await said).join("")}`);
}
