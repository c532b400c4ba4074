import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

/** docker/healthy.sh on this machine, without its pauses. */

let folder: string;
let status: (looks: number) => number;
let looks: number;
const server = createServer((request, response) => {
  looks += 1;
  response.writeHead(request.url === "/ready" ? status(looks) : 404).end();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "squall-healthy-"));
  writeFileSync(join(folder, "sleep"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(folder, "sleep"), 0o755);
  looks = 0;
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((closed) => server.close(closed));
});

/** Exit code of one check. */
function check(...question: readonly string[]): Promise<number> {
  const script = resolve(import.meta.dirname, "../../docker/healthy.sh");
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, TMPDIR: folder };
  return new Promise((ended) => {
    const child = execFile("bash", [script, ...question], { env }, () => ended(child.exitCode ?? -1));
  });
}

const asked = (): readonly string[] => [
  "http",
  `127.0.0.1:${(server.address() as AddressInfo).port}`,
  "/ready",
];

test("the first check answers as soon as the container is ready, the next one when it no longer is", async () => {
  status = (count) => (count <= 3 || count >= 6 ? 503 : 200);
  expect(await check(...asked())).toBe(0);
  expect(looks).toBe(4);
  expect(await check(...asked())).toBe(1);
  expect(looks).toBe(6);
});

test("a container that stays ready is said to be so after a few looks", async () => {
  status = () => 200;
  expect(await check(...asked())).toBe(0);
  expect(await check(...asked())).toBe(0);
  expect(looks).toBe(5);
});

test("of a container that was paused meanwhile, the next check answers at once", async () => {
  status = () => 200;
  expect(await check(...asked())).toBe(0);
  const told = join(folder, ".told-ready");
  writeFileSync(told, String(Number(readFileSync(told, "utf8")) - 5));
  expect(await check(...asked())).toBe(0);
  expect(looks).toBe(2);
});

test("what answers nothing, or not on that port, is not ready", async () => {
  status = () => 500;
  expect(await check(...asked())).toBe(1);
  expect(looks).toBe(25);
  expect(await check("http", "127.0.0.1:1", "/ready")).toBe(1);
});

test("a command can be what is asked", async () => {
  expect(await check("test", "-d", folder)).toBe(0);
  rmSync(join(folder, ".told-ready"));
  expect(await check("false")).toBe(1);
});
