import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { formatAddress } from "../../base/address.ts";
import { processChangeContract } from "../process-change.contract.ts";
import type { Fleet } from "../runtime.ts";
import { toyTarget } from "./fixtures/toy-target.ts";
import { isHeldStill } from "./held-still.ts";
import { processRuntime } from "./process-runtime.ts";
import { recordedProcess } from "./recorded-process.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-change-"));
chmodSync(folder, 0o755);
const target = toyTarget(folder);
const runtime = processRuntime();
let fleet: Fleet;

beforeAll(async () => {
  fleet = await runtime.start(target, {
    settings: { mood: "wild" },
    seed: "seed-1",
    logsFolder: join(folder, "logs"),
    isKept: true,
    signal: new AbortController().signal,
  });
});
afterAll(async () => {
  await runtime.cleanUp(target);
  rmSync(folder, { recursive: true, force: true });
});

processChangeContract("processes", {
  runtime,
  another: processRuntime(),
  target: () => target,
  async state(part) {
    const { process } = recordedProcess(target, part);
    return { isHeld: isHeldStill(process), isEnding: process.isEnding ?? false, start: process.start };
  },
  async ask(service, path, withinMs = 2_000) {
    const http = fleet.addresses.get(service)?.["http"];
    if (http === undefined) throw new Error(`${service} has no address`);
    const response = await fetch(`http://${formatAddress(http)}${path}`, {
      signal: AbortSignal.timeout(withinMs),
      headers: { connection: "close" },
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  },
});
