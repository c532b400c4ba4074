import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeHost, noRuntime, type FakeHostOptions } from "./fake-host.ts";
import { main } from "./main.ts";

const corpus = relative(".", join(import.meta.dirname, "../../test/corpus"));
const kiosk = join(corpus, "target.yaml");
const experiment = join(corpus, "experiment.yaml");
const bad = join(corpus, "experiments/delay-without-unit.yaml");

async function squall(args: readonly string[], options?: FakeHostOptions) {
  const host = fakeHost(args, options);
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

const commands = [
  "run",
  "validate",
  "up",
  "down",
  "scale",
  "restart",
  "fault",
  "load",
  "proxy",
  "recover",
  "report",
  "traces",
  "metrics",
  "doctor",
];

describe("what is Compose's to do", () => {
  const containers = { ...noRuntime, name: "docker" } as const;
  const options: FakeHostOptions = { dockerRuntime: () => Promise.resolve(containers) };

  test.each([
    [["up", kiosk], "up --wait"],
    [["down", kiosk], "down"],
  ])("squall %j of containers is refused with that", async (args, compose) => {
    const { exitCode, err } = await squall([...args, "--runtime", "docker", "--project", "shop"], options);
    expect(exitCode).toBe(3);
    expect(err).toContain(`hint: docker compose --project-name shop ${compose}\n`);
  });

  test("but not how many replicas a service has", async () => {
    const { err } = await squall(["scale", "--target", kiosk, "--runtime", "docker"], options);
    expect(err).toContain("no fleet of kiosk is up");
  });
});

describe("help", () => {
  test("lists every command and the exit codes", async () => {
    const { exitCode, out } = await squall(["--help"]);
    expect(exitCode).toBe(0);
    for (const command of commands) expect(out).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect(out).toContain("130 interrupted");
  });

  test.each([...commands.filter((name) => name !== "fault"), "fault add", "fault list", "fault remove"])(
    "squall %s --help shows an example",
    async (command) => {
      const { exitCode, out } = await squall([...command.split(" "), "--help"]);
      expect(exitCode).toBe(0);
      expect(out).toContain(`$ squall ${command}`);
    },
  );

  test("the version is the package's", async () => {
    const manifest: unknown = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await squall(["--version"])).toMatchObject({
      exitCode: 0,
      out: `${(manifest as { version: string }).version}\n`,
    });
  });
});

describe("a command line that is wrong ends with 3 and says how to be right", () => {
  test.each([
    [[], "Usage: squall"],
    [["rnu", experiment], "Did you mean run?"],
    [["run"], "missing required argument 'experiment'"],
    [["run", experiment, "--seeed", "1"], "Did you mean --seed?"],
    [["run", experiment, "extra"], "too many arguments"],
    [["run", experiment, "--set", "patterns"], 'expected name=value, got "patterns"'],
    [["run", experiment, "--set", "pattern=none"], 'unknown setting "pattern", did you mean "patterns"?'],
    [
      ["run", experiment, "--set", "patterns=off"],
      'unknown value of patterns "off", expected one of none, full',
    ],
    [["run", "nowhere.yaml"], "there is no file nowhere.yaml"],
    [["validate"], "expected the files to check, got none"],
    [["validate", "--schema", "fleet"], "Allowed choices are experiment, target"],
    [["up", "nowhere.yaml"], "there is no file nowhere.yaml"],
    [["up", "--replicas", "catalog"], 'expected service=count, got "catalog"'],
    [["up", "--replicas", "catalog=0"], 'expected a number of replicas from 1 to 32, got "0"'],
    [["up", kiosk, "--replicas", "stok=2,front=2"], 'unknown service "stok", did you mean "stock"?'],
    [["run", experiment, "--replicas", "stok=2"], 'unknown service "stok", did you mean "stock"?'],
    [["scale", "stok", "2", "--target", kiosk], 'unknown service "stok", did you mean "stock"?'],
    [["scale", "stock", "two", "--target", kiosk], 'expected a number of replicas from 1 to 32, got "two"'],
    [["scale", "stock", "--target", kiosk], "expected how many replicas stock shall have"],
    [["scale", "--target", kiosk], "no fleet of kiosk is up"],
    [["restart", "stok", "--target", kiosk], 'unknown service "stok", did you mean "stock"?'],
    [["load"], "expected what to take: a URL, a file of journeys, or a journey's name"],
    [["load", "look", "--target", kiosk], "no fleet of kiosk is up, and no --url says where to go"],
    [["load", "lok", "--target", kiosk], 'unknown journey of kiosk "lok", did you mean "look"?'],
    [["load", "--mix", "lok=1", "--target", kiosk], '--mix: unknown journey of kiosk "lok"'],
    [
      ["load", "look", "--mix", "look=1", "--target", kiosk],
      "--mix: look says already which journeys are taken",
    ],
    [["load", "nowhere.ts", "--url", "http://127.0.0.1:9"], "there is no file nowhere.ts"],
    [["load", "vitest.config.ts"], "expected --url: vitest.config.ts does not say of whom it asks"],
    [
      ["load", "vitest.config.ts", "--url", "127.0.0.1:9"],
      'expected a URL such as "http://127.0.0.1:8080", got --url 127.0.0.1:9',
    ],
    [
      ["load", "vitest.config.ts", "--url", "http://127.0.0.1:9/a"],
      '--url: expected an origin such as "http://127.0.0.1:9", got "http://127.0.0.1:9/a"',
    ],
    [
      ["load", "http://127.0.0.1:9/", "--url", "http://127.0.0.1:9"],
      "--url: http://127.0.0.1:9/ says already",
    ],
    [["load", "http://127.0.0.1:9/"], "nothing listens at http://127.0.0.1:9: connect ECONNREFUSED"],
    [["load", "http://shop.example/"], "http://shop.example is not this machine: expected --allow-remote"],
    [["load", "http://127.0.0.1.shop.example/"], "is not this machine: expected --allow-remote"],
    [["load", "http://x/", "--rate", "9"], '--rate: expected a rate such as "60/s", got "9"'],
    [
      ["load", "http://x/", "--for", "soon"],
      '--for: expected a duration such as "30s", up to 24h, got "soon"',
    ],
    [["load", "http://x/", "--timeout", "0s"], "--timeout: expected a duration"],
    [
      ["load", "http://x/", "--connections", "0"],
      '--connections: expected a whole number from 1 to 10000, got "0"',
    ],
    [["load", "http://x/", "--users", "-1"], '--users: expected a whole number from 1 to 1000000, got "-1"'],
    [
      ["load", "http://x/", "--users", "5", "--max-users", "9"],
      "--max-users: with --users there are never more",
    ],
    [["load", "--mix", "a=0"], '--mix: expected journeys and weights such as "browse=3,buy=1"'],
    [
      ["load", "http://x/", "--arrivals", "romp: {}"],
      '--arrivals romp: unknown key "romp", did you mean "ramp"?',
    ],
    [["load", "http://x/", "--arrivals", "ramp: ["], "--arrivals: expected a shape such as"],
    [
      ["load", "http://x/", "--arrivals", "ramp: {from: 1/s, to: 9/s, over: 30s}", "--for", "10s"],
      "--arrivals ramp.over: expected at most the whole load, 10 s",
    ],
    [
      ["load", "http://x/", "--rate", "5/s", "--arrivals", "ramp: {from: 1/s, to: 9/s, over: 3s}"],
      "--arrivals: there is a --rate already: leave out one of the two",
    ],
    [["load", "--compare", "one"], "--compare: expected two folders, got 1"],
    [["load", "--compare", "one", "--merge", "two"], "--compare and --merge: expected one of the two"],
    [["load", "--merge", "nowhere"], "no load is on record in nowhere"],
    [["fault"], "Usage: squall fault"],
    [["fault", "add", "packet-loss", "--edge", "a->b"], 'unknown kind of fault "packet-loss"'],
    [["fault", "add", "http_statos", "--edge", "a->b"], 'did you mean "http-status"?'],
    [["fault", "add", "http-header", "--edge", "a->b", "--set", "x"], 'expected "name: value"'],
    [["fault", "add", "http-corrupt", "--edge", "a->b", "--value", "{"], "--value: expected JSON"],
    [["fault", "add", "http-abort", "--edge", "a->b", "--match", "{a: [}"], "expected a mapping in braces"],
    [["fault", "add", "down"], "required option '--edge <edge>' not specified"],
    [["fault", "list", "--target", kiosk], "no fleet of kiosk is up"],
    [["fault", "remove", "--target", kiosk], "expected the name of a fault, or --all"],
    [
      ["proxy", "--listen", "nowhere"],
      'expected an address such as "127.0.0.1:8474" to listen on, got "nowhere"',
    ],
    [["proxy", "--listen", "0.0.0.0:0"], "other machines reach 0.0.0.0:0: expected a token, got none"],
    [["proxy", "--lease", "soon"], '--lease: expected a duration such as "5s", got "soon"'],
    [["proxy", "--config", "nowhere.json"], "there is no file nowhere.json"],
    [["report", "lates", "--runs", corpus], "did you mean latest?"],
    [["report", "yesterday", "--runs", corpus], 'there is no run "yesterday"'],
    [["report", "latest", "--jaeger", "localhost:16686"], 'expected a URL such as "http://localhost:16686"'],
    [
      ["report", "latest", "--jaeger", "javascript:alert(1)"],
      'expected a URL such as "http://localhost:16686"',
    ],
    [["run", experiment, "--jaeger", "http://me:pw@jaeger"], "expected a URL without a name and a password"],
  ])("squall %j", async (args, message) => {
    const { exitCode, out, err } = await squall(args);
    expect(err).toContain(message);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
  });
});

test("docs/load.md lists the options of squall load, and no others", async () => {
  const optionsIn = (text: string): readonly string[] =>
    [...text.matchAll(/^ *\|? *`?(--[a-z][a-z-]*)/gm)].map((match) => match[1] ?? "");
  const { out } = await squall(["load", "--help"]);
  const listed = optionsIn(readFileSync("docs/load.md", "utf8"));
  expect(listed.toSorted()).toEqual(optionsIn(out).toSorted());
  expect(listed).toContain("--allow-remote");
});

describe("validate", () => {
  test("says what valid files mean", async () => {
    const { exitCode, out, err } = await squall(["validate", experiment, kiosk]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(out).toContain(`✓ ${experiment}: The kiosk sells while mail is down`);
    expect(out).toContain("fault     latency of 200 ms ± 20 ms on stock -> smtp");
    expect(out).toContain(`✓ ${kiosk}: target kiosk: 2 services`);
  });

  test("names each problem of each bad file, and ends with 3", async () => {
    const { exitCode, out } = await squall(["validate", bad, experiment, "nowhere.yaml"]);
    expect(exitCode).toBe(3);
    expect(out).toContain(`✗ ${bad} is not a valid experiment (1 problem)`);
    expect(out).toContain('line 9  faults[0].latency.delay  expected a duration such as "200ms", got 200');
    expect(out).toContain(`✓ ${experiment}`);
    expect(out).toContain("✗ there is no file nowhere.yaml");
  });

  test("gives the problems as data", async () => {
    const { exitCode, out } = await squall(["validate", "--json", bad, kiosk]);
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toEqual([
      {
        file: bad,
        kind: "experiment",
        valid: false,
        problems: [
          {
            line: 9,
            path: "faults[0].latency.delay",
            message: 'expected a duration such as "200ms", got 200',
          },
        ],
      },
      { file: kiosk, kind: "target", valid: true, problems: [] },
    ]);
  });

  test.each(["experiment", "target"])("prints the JSON schema of an %s for editors", async (kind) => {
    const { exitCode, out } = await squall(["validate", "--schema", kind]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: "object", additionalProperties: false });
  });
});

describe("run", () => {
  test("refuses a bad experiment before it looks for a fleet", async () => {
    const { exitCode, err } = await squall(["run", bad]);
    expect(exitCode).toBe(3);
    expect(err).toContain("line 9  faults[0].latency.delay");
    expect(err).toContain("code: SQUALL_INVALID_DOCUMENT");
    expect(err).toContain("hint: the format is described in docs/experiments.md");
  });

  test("with --dry-run it says how far the faults reach, and does nothing", async () => {
    const { exitCode, out } = await squall(["run", experiment, "--dry-run", "--set", "patterns=none"]);
    expect(exitCode).toBe(0);
    expect(out).toContain("settings  patterns=none");
    expect(out).toContain("radius    breaks stock -> smtp for 5 s");
    expect(out).toMatch(
      /^ *6 s {2}proxy {4}PUT \/leases\/\S+-experiment-f1 \{"ttl_ms":5000\} \(6 times, last at 10.7 s\)$/m,
    );
    expect(out).toContain("nothing was done: this is a dry run");
  });

  test("with --dry-run --json the plan is data", async () => {
    const { out } = await squall(["run", experiment, "--dry-run", "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      experiment: { faults: [{ kind: "latency", delayMs: 200 }] },
      settings: { patterns: "full" },
      blastRadius: { services: ["stock"], reached: ["front", "stock"], longestFaultMs: 5_000 },
    });
  });

  test("a fault of squall itself ends with 6 and shows where", async () => {
    const { exitCode, err } = await squall(["run", experiment, "--runs", runs]);
    expect(exitCode).toBe(6);
    expect(err).toContain("this test starts no fleet");
    expect(err).toMatch(/^\s+at .*fake-host/m);
  });

  let runs = "";
  beforeAll(() => {
    runs = mkdtempSync(join(tmpdir(), "squall-cli-"));
  });
  afterAll(() => rmSync(runs, { recursive: true, force: true }));

  test.each([["SIGINT"], ["SIGTERM"]] as const)(
    "%s before anything is injected ends with 130, and a second one changes nothing",
    async (signal) => {
      const host = fakeHost(["run", experiment, "--runs", runs], {
        runtime: {
          ...fakeHost([]).runtime,
          start: (_target, { signal: aborted }) =>
            new Promise((_, reject) => {
              aborted.addEventListener("abort", () => {
                expect(host.signal(signal)).toBe(1);
                reject(aborted.reason as Error);
              });
              host.signal(signal);
            }),
        },
      });
      expect(await main(host)).toBe(130);
      expect(host.err()).toContain(`${signal}: undoing what was injected, then reporting`);
      expect(host.err()).toContain(`${signal} again: the fault is already being undone`);
      expect(host.err()).toContain("interrupted before anything was injected");
      expect(host.signal(signal)).toBe(0);
    },
  );
});

describe("where no fleet is up", () => {
  test.each([
    [["down", kiosk], "kiosk: nothing was running\n"],
    [["down", kiosk, "--json"], '{\n  "ended": []\n}\n'],
    [["recover", kiosk, "--runs", "nowhere"], "nothing to recover\n"],
  ])("squall %j has nothing to do, and says so", async (args, out) => {
    expect(await squall(args)).toEqual({ exitCode: 0, out, err: "" });
  });
});

describe("doctor", () => {
  test("checks the system, PostgreSQL, memory, disk, the fleet and fixed ports", async () => {
    const { out } = await squall(["doctor", kiosk, "--json"]);
    const findings = JSON.parse(out) as { check: string; outcome: string; detail: string }[];
    expect(findings.map(({ check }) => check)).toEqual([
      "system",
      "postgresql",
      "memory",
      "target",
      "disk",
      "fleet",
      "port",
    ]);
    expect(findings[0]?.detail).toContain(process.version);
    expect(findings.at(-1)?.detail).toContain("8081 (stock)");
  });

  test("a target that is invalid is a finding, and ends with 3", async () => {
    const { exitCode, out } = await squall(["doctor", join(corpus, "targets/entry-unknown.yaml")]);
    expect(exitCode).toBe(3);
    expect(out).toContain('unknown service "frontt", did you mean "front"?');
  });
});

describe("colour", () => {
  const escape = "\x1b[";
  test.each([
    ["on a terminal", { isTTY: true }, true],
    ["nowhere else", { isTTY: false }, false],
    ["not on a dumb terminal", { isTTY: true, env: { TERM: "dumb" } }, false],
    ["not with NO_COLOR", { isTTY: true, env: { NO_COLOR: "1" } }, false],
    ["with FORCE_COLOR", { isTTY: false, env: { FORCE_COLOR: "1" } }, true],
    ["not with both, NO_COLOR counts more", { isTTY: true, env: { NO_COLOR: "1", FORCE_COLOR: "1" } }, false],
  ] as const)("is shown %s", async (_, options, isColoured) => {
    const { out } = await squall(["validate", kiosk], options);
    expect(out.includes(escape)).toBe(isColoured);
  });
});

test("a file whose name looks like an option is still a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "squall-cli-"));
  try {
    const file = join(folder, "--json.yaml");
    writeFileSync(file, "title: 7\n");
    expect((await squall(["validate", "--", file])).out).toContain("expected a title, got 7");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
