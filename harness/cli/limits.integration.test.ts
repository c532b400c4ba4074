import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { fakeHost } from "./fake-host.ts";
import { startKiosk } from "./kiosk.fixture.ts";
import { main } from "./main.ts";

const corpus = join(import.meta.dirname, "../../test/corpus");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-limits-"));
  for (const name of ["main.ts", "alert.rules.yaml", "experiment.yaml"])
    copyFileSync(join(corpus, name), join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The kiosk, with limits. @returns its file */
function limited(limits: string): string {
  const file = join(folder, "target.yaml");
  writeFileSync(file, `${readFileSync(join(corpus, "target.yaml"), "utf8")}\nlimits: ${limits}\n`);
  return file;
}

const clockAt = (iso: string): Clock => ({
  nowMs: () => Date.parse(iso),
  sleep: () => Promise.reject(new Error("nobody waits here")),
});
const mondayMorning = clockAt("2026-11-23T09:00:00Z");

async function squall(args: readonly string[], clock = mondayMorning) {
  const host = fakeHost(args, { clock });
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

const experiment = (): string => join(folder, "experiment.yaml");

test("validate refuses what goes beyond, as data too, and says how far it reaches", async () => {
  limited("{ never: [smtp], max-duration: 2s }");
  const { exitCode, out } = await squall(["validate", experiment()]);
  expect(exitCode).toBe(3);
  expect(out).toContain(`✗ ${experiment()}: The kiosk sells while mail is down`);
  expect(out).toContain("radius    breaks stock -> smtp for 5 s");
  expect(out).toContain("hits stock, smtp; may be felt by front, stock; out of reach: none");
  expect(out).toContain("about 100 journeys begin meanwhile: 90 look, 10 buy");
  expect(out).toContain("limits    never smtp; max-duration 2 s");
  expect(out).toContain("refused   beyond never: no fault may touch smtp, given latency (faults[0])");
  expect(out).toContain("refused   beyond max-duration: at most 2 s, given 5 s of latency (faults[0])");

  const asData = await squall(["validate", "--json", experiment()]);
  expect(asData.exitCode).toBe(3);
  expect(JSON.parse(asData.out)).toMatchObject([
    {
      valid: false,
      problems: [{ path: "limits.never" }, { path: "limits.max-duration" }],
      blastRadius: { services: ["stock"], edges: ["stock -> smtp"], outside: ["smtp"] },
      journeys: { count: 100, byJourney: { look: 90, buy: 10 } },
    },
  ]);
});

test.each([[[]], [["--dry-run"]]])(
  "run %j refuses what goes beyond before it takes the fleet",
  async (flags) => {
    limited("{ never: [stock -> smtp], max-share: 50% }");
    const { exitCode, out, err } = await squall(["run", experiment(), ...flags]);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
    expect(err).toContain("goes beyond the limits of kiosk; nothing was injected");
    expect(err).toContain("never: no fault may touch stock -> smtp, given latency (faults[0])");
    expect(err).toContain("max-share: at most 50 %, given 100 %");
    expect(err).toContain("code: SQUALL_LIMITS");
    expect(err).toContain('--beyond-limits "why" runs it all the same, on record');
  },
);

test("outside the hours a run is refused; a file is as valid as within, and told not to be for now", async () => {
  limited('{ hours: "Mon-Fri 09:00-17:00 Europe/Berlin" }');
  const evening = clockAt("2026-11-23T16:00:00Z");
  const late = await squall(["run", experiment()], evening);
  expect(late.exitCode).toBe(3);
  expect(late.err).toContain(
    "hours: Mon-Fri 09:00-17:00 Europe/Berlin, given now, Mon 23 Nov 17:00 Europe/Berlin",
  );
  const validated = await squall(["validate", experiment()], evening);
  expect(validated.exitCode).toBe(0);
  expect(validated.out).toContain("not now   hours: Mon-Fri 09:00-17:00 Europe/Berlin");
  expect((await squall(["run", experiment(), "--dry-run"])).exitCode).toBe(0);
});

test("whoever says why may go beyond, and that is the first thing on record and in the command that repeats it", async () => {
  limited("{ never: [smtp] }");
  const { exitCode, out } = await squall([
    ...["run", experiment(), "--dry-run", "--json"],
    ...["--beyond-limits", "game day, the mail team watches"],
  ]);
  expect(exitCode).toBe(0);
  const { deeds } = JSON.parse(out) as { deeds: { kind: string; text?: string }[] };
  expect(deeds.find(({ kind }) => kind === "journal")?.text).toBe(
    "never: no fault may touch smtp, given latency (faults[0]); because: game day, the mail team watches",
  );
  const empty = await squall(["run", experiment(), "--beyond-limits", " "]);
  expect(empty.err).toContain("--beyond-limits: expected why, got an empty text");
});

let kiosk: Awaited<ReturnType<typeof startKiosk>> | undefined;
afterEach(async () => {
  await kiosk?.[Symbol.asyncDispose]();
  kiosk = undefined;
});

test("a fault by hand is refused beyond the limits, with what is broken already, and nothing changes", async () => {
  const target = limited("{ never: [stock-db], max-services: 1, max-duration: 1m }");
  kiosk = await startKiosk({ host: "127.0.0.1", port: 1 }, target);
  const add = (...args: readonly string[]) => kiosk?.squall("fault", "add", ...args);

  const never = await add("down", "--edge", "stock->stock-db", "--for", "5s");
  expect(never).toMatchObject({ exitCode: 3, out: "" });
  expect(never?.err).toContain(
    "never: no fault may touch stock-db, given down (connections refused) on stock -> stock-db",
  );
  const long = await add("down", "--edge", "stock->smtp", "--for", "2m");
  expect(long?.err).toContain(
    "max-duration: at most 1 min, given 2 min of down (connections refused) on stock -> smtp",
  );
  expect(await kiosk.squall("fault", "list")).toMatchObject({ out: "nothing is broken\n" });

  expect(await add("down", "--edge", "stock->smtp", "--for", "5s")).toMatchObject({ exitCode: 0 });
  const second = await add("down", "--edge", "front->stock", "--for", "5s");
  expect(second).toMatchObject({ exitCode: 3, out: "" });
  expect(second?.err).toContain("max-services: at most 1, given 2: stock, front");
});

test("a fault by hand can be told without being made", async () => {
  kiosk = await startKiosk({ host: "127.0.0.1", port: 1 }, limited("{}"));
  const dry = await kiosk.squall(
    ...["fault", "add", "http-abort", "--edge", "front->stock", "--nth", "2", "--for", "5s", "--dry-run"],
  );
  expect(dry).toMatchObject({ exitCode: 0, err: "" });
  const lines = dry.out.split("\n").map((line) => line.trim());
  expect(lines[0]).toContain("on front -> stock, for 5 s at most");
  expect(lines[1]).toBe("GET /evidence");
  expect(lines[2]).toBe('PUT /leases/http-abort-1 {"ttl_ms":5000}');
  expect(lines[3]).toMatch(
    /^POST \/proxies\/front-%3Estock\/toxics \{"name":"http-abort-1","type":"http_abort"/,
  );
  expect(lines[4]).toBe("nothing was changed: this is a dry run");
  expect(await kiosk.squall("fault", "list")).toMatchObject({ out: "nothing is broken\n" });
});
