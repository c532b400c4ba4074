import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "./docker-engine.ts";
import { startSaidEngine } from "./said-engine.fixture.ts";

const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-docker-"));
  chmodSync(folder, 0o755); // for the test of another user
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const startEngine = (name: string, answer: RequestListener) => startSaidEngine(join(folder, name), answer);

const tellsVersion =
  (api: string, asked: string[] = []): RequestListener =>
  (request, response) => {
    asked.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end(JSON.stringify({ ApiVersion: api }));
  };

test("where no Docker is, that is said, with what needs none", async () => {
  const socket = join(folder, "none.sock");
  await expect(connectDocker(socket)).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    message: `no Docker answers at ${socket}`,
    hint: expect.stringContaining("--runtime process needs none") as string,
  });
});

test("a socket that its user may not use is said to be that, not to be missing", async () => {
  await using engine = await startEngine("forbidden.sock", tellsVersion("1.41"));
  chmodSync(engine.socket, 0);
  const { stdout } = await run(process.execPath, [
    join(import.meta.dirname, "fixtures/ask-docker.ts"),
    engine.socket,
  ]);
  expect(JSON.parse(stdout)).toEqual({
    code: "SQUALL_UNSUPPORTED",
    message: `you may not use Docker at ${engine.socket}: permission denied`,
    hint: expect.stringContaining("group docker") as string,
  });
});

test("an engine that is too old is refused with both versions", async () => {
  await using engine = await startEngine("old.sock", tellsVersion("1.39"));
  await expect(connectDocker(engine.socket)).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    message: "this Docker is too old: its API is 1.39, and 1.41 is needed",
  });
});

test.each([
  ["1.41", "/v1.41/info"],
  ["1.44", "/v1.44/info"],
  ["1.99", "/v1.51/info"],
])("an engine of API %s is asked in the newest version that both know", async (api, path) => {
  const asked: string[] = [];
  await using engine = await startEngine(`new-${api}.sock`, tellsVersion(api, asked));
  await (await connectDocker(engine.socket)).info();
  expect(asked.at(-1)).toBe(path);
});

test("what is no engine is not taken for one", async () => {
  await using engine = await startEngine("other.sock", (_, response) =>
    response.writeHead(503).end("not now"),
  );
  await expect(connectDocker(engine.socket)).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    message: expect.stringContaining("Docker cannot be used: ") as string,
  });
});
