/** Other people's programs that tests and benches need: each is installed when it is missing, and its path told. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const toxiproxyVersion = "v2.12.0";
export const k6Version = "v1.8.1";
export const autocannonVersion = "9.0.0";
/** Of the same line of the SDK as what the shop's services use. */
export const autoInstrumentationsVersion = "0.81.2";
export const grafanaSdkVersion = "0.0.21";
export const composeVersion = "v2.40.3";

/** What `go install` builds, a minute each. */
const goPrograms = {
  "toxiproxy-cli": { built: "cli", from: `github.com/Shopify/toxiproxy/v2/cmd/cli@${toxiproxyVersion}` },
  "toxiproxy-server": {
    built: "server",
    from: `github.com/Shopify/toxiproxy/v2/cmd/server@${toxiproxyVersion}`,
  },
  k6: { built: "k6", from: `go.k6.io/k6@${k6Version}` },
} as const;

/** What npm installs beside the project's own packages, a few seconds each. */
const npmPrograms = {
  autocannon: { from: `autocannon@${autocannonVersion}`, script: "autocannon/autocannon.js" },
  "auto-instrumentations": {
    from: `@opentelemetry/auto-instrumentations-node@${autoInstrumentationsVersion}`,
    script: "@opentelemetry/auto-instrumentations-node/build/src/register.js",
  },
} as const;

/** What npm installs likewise, for generators: too large to be a dependency of everybody. */
const npmPackages = { "@grafana/grafana-foundation-sdk": grafanaSdkVersion } as const;

export const cache = resolve(import.meta.dirname, "../node_modules/.cache/peers");

/** @returns the program's path. @throws when it cannot be installed */
export function goProgram(name: keyof typeof goPrograms): string {
  const { built, from } = goPrograms[name];
  const file = join(cache, built);
  if (!existsSync(file)) run("go", ["install", from], { GOBIN: cache });
  return file;
}

const composePackage = "github.com/docker/compose/v2";

/**
 * Docker Compose, which runs without a `docker` beside it. `go install` refuses what has `exclude` lines of its own, so it is
 * a tool of a module that is made for it. Three minutes of processor time.
 * @returns the program's path @throws when it cannot be built
 */
export function composeProgram(): string {
  const folder = join(cache, `compose-${composeVersion}`);
  const file = join(folder, "docker-compose");
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const lines = ["module peers", "go 1.24", `tool ${composePackage}/cmd`];
  writeFileSync(
    join(folder, "go.mod"),
    [...lines, `require ${composePackage} ${composeVersion}`, ""].join("\n"),
  );
  run("go", ["mod", "tidy"], {}, folder);
  run("go", ["build", "-ldflags=-s -w", "-o", file, `${composePackage}/cmd`], {}, folder);
  return file;
}

/** @returns the path of the program's script, for Node. @throws when it cannot be installed */
export function npmProgram(name: keyof typeof npmPrograms): string {
  const { from, script } = npmPrograms[name];
  const file = join(npmPrefix(name), "node_modules", script);
  if (!existsSync(file)) npmInstall(from, npmPrefix(name));
  return file;
}

/** @returns the folder that the package is in. @throws when it cannot be installed */
export function npmPackage(name: keyof typeof npmPackages): string {
  const folder = join(npmPrefix(name), "node_modules", name);
  if (!existsSync(folder)) npmInstall(`${name}@${npmPackages[name]}`, npmPrefix(name));
  return folder;
}

/**
 * Unpacks packages without what they depend on: for what is read, not run. One call of npm for all, since each takes a second.
 * @param packages as `name@version`, by the folder in whose `node_modules` they are to be
 * @throws when one cannot be had
 */
export function npmFiles(packages: Readonly<Record<string, readonly string[]>>): void {
  const wanted = Object.entries(packages).flatMap(([folder, specs]) =>
    specs.map((spec) => {
      const [, name = "", version = ""] = /^(.+)@(.+)$/.exec(spec) ?? [];
      return { spec, to: join(folder, "node_modules", name), tarball: tarballName(name, version) };
    }),
  );
  const missing = wanted.filter(({ to }) => !existsSync(to));
  if (missing.length === 0) return;
  mkdirSync(cache, { recursive: true });
  const packed = mkdtempSync(join(cache, "packed-"));
  try {
    const specs = new Set(missing.map(({ spec }) => spec));
    run("npm", ["pack", "--silent", "--pack-destination", packed, ...specs]);
    for (const { to, tarball } of missing) {
      const unpacked = mkdtempSync(join(packed, "package-"));
      run("tar", ["-xzf", join(packed, tarball), "-C", unpacked, "--strip-components=1", "--exclude=*.map"]);
      mkdirSync(dirname(to), { recursive: true });
      renameSync(unpacked, to);
    }
  } finally {
    rmSync(packed, { recursive: true });
  }
}

/** As `npm pack` calls it: "@grafana/schema", "10.1.9" -> "grafana-schema-10.1.9.tgz". */
function tarballName(name: string, version: string): string {
  return `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
}

/** A folder each: npm takes away what it did not install there itself. */
function npmPrefix(name: string): string {
  return join(cache, "npm", name);
}

function npmInstall(from: string, prefix: string): void {
  mkdirSync(prefix, { recursive: true });
  run("npm", ["install", "--prefix", prefix, "--no-save", "--no-audit", "--no-fund", from]);
}

/**
 * Debian's packages; needs root where one is missing. What they would start as services is not started.
 * @param files by which it is known that they are installed
 * @throws when one cannot be installed
 */
export function debianPackages(packages: readonly string[], files: readonly string[]): void {
  if (files.every((file) => existsSync(file))) return;
  run("apt-get", ["update", "-qq"]);
  // Debian's way to say no: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
  const hasPolicy = existsSync(policy);
  if (!hasPolicy) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  } finally {
    if (!hasPolicy) rmSync(policy);
  }
}

const policy = "/usr/sbin/policy-rc.d";

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = process.cwd(),
): void {
  console.log(`installing a peer: ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", ...env },
  });
  if (status !== 0)
    throw new Error(
      `could not install a peer: ${command} ended with ${error?.message ?? `exit code ${status}`}`,
    );
}
