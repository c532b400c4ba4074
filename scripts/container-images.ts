/**
 * The images that docker-compose.yml starts from, made of what `npm ci` installed and this machine has, for whoever can
 * reach no registry of images:
 *
 *   eval "$(node scripts/container-images.ts)" && docker compose up --wait
 *
 *   BASE_IMAGE       Node, with the libraries that `ldd` names and a few programs      instead of node:24…-slim
 *   PACKAGES         the packages, as `npm ci --omit=dev --omit=optional` installs     instead of asking npm in a container
 *                    them, with the bundle that `npm ci` made
 *   POSTGRES_IMAGE   the PostgreSQL that npm brought, with an entrypoint of our own    instead of postgres:18…
 *
 *   squall-tools     `sh` and `iptables`, where this machine has them     instead of docker/tools.Dockerfile
 *
 * Each goes by what is in it (`squall-compose-base:5f0c…`), and is made when the engine does not have it yet.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { findPackage } from "../harness/runtimes/process/postgres-home.ts";
import { bundleFile, bundleFolder } from "../target-system/dependencies/bundle.ts";
import { engineSocket, hasImage, importImage, tagImage } from "./docker-engine.ts";

const repository = resolve(import.meta.dirname, "..");

/** What people and health checks call in a container. */
const programs = ["bash", "cat", "chmod", "cp", "dd", "df", "head", "id", "ls", "mkdir", "rm", "sleep"];

/** A file system: by the path in the image, what is to be there. */
type Files = ReadonlyMap<string, string>;

/** Variables for docker-compose.yml. */
export interface ContainerImages {
  readonly BASE_IMAGE: string;
  readonly PACKAGES: string;
  readonly POSTGRES_IMAGE: string;
}

/** @throws {Error} when the engine refuses one */
export async function makeContainerImages(socket: string): Promise<ContainerImages> {
  const [base, packages, postgres] = await Promise.all([
    makeBaseImage(socket),
    makePackagesImage(socket),
    makePostgresImage(socket),
    existsSync(iptablesProgram) ? makeToolsImage(socket) : undefined,
  ]);
  return { BASE_IMAGE: base, PACKAGES: packages, POSTGRES_IMAGE: postgres };
}

/** An image with Node and little else. @returns its name */
export function makeBaseImage(socket: string): Promise<string> {
  return makeImage(socket, "base", withLibraries([...system, ["/usr/local/bin/node", process.execPath]]), [
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    'CMD ["node"]',
  ]);
}

/** An image of programs of this machine. @returns its name */
export function makeProgramImage(
  socket: string,
  name: string,
  files: Readonly<Record<string, string>>,
  changes: readonly string[],
): Promise<string> {
  return makeImage(socket, name, withLibraries(Object.entries(files)), changes);
}

const iptablesProgram = "/usr/sbin/iptables";

/** What docker/tools.Dockerfile makes. @returns the name by which the shop's target knows it */
export async function makeToolsImage(socket: string): Promise<string> {
  const iptables = realpathSync(iptablesProgram);
  const matches = librariesOf(iptables)
    .map((library) => join(dirname(realpathSync(library)), "xtables"))
    .find((folder) => existsSync(folder));
  if (matches === undefined) throw new Error(`expected a folder xtables beside the libraries of ${iptables}`);
  const files = [...system, [iptablesProgram, iptables], [matches, matches]] as const;
  const image = await makeImage(socket, "tools", withLibraries(files), ["ENV PATH=/usr/sbin:/usr/bin:/bin"]);
  const name = "squall-tools:latest";
  await tagImage(socket, image, name);
  return name;
}

/** An image of the PostgreSQL that npm brought, with what of the official one's entrypoint is needed. @returns its name */
export function makePostgresImage(socket: string): Promise<string> {
  const { native } = findPackage();
  const standIn = join(repository, "docker/stand-in");
  const files = [
    ...system,
    ...["initdb", "postgres"].map((name) => [`${postgres}/bin/${name}`, join(native, "bin", name)] as const),
    [`${postgres}/lib`, join(native, "lib")] as const,
    [`${postgres}/share`, join(native, "share")] as const,
    [`${postgres}/bin/pg_isready`, join(standIn, "pg_isready.sh")] as const,
    ["/entrypoint.sh", join(standIn, "postgres-entrypoint.sh")] as const,
  ];
  return makeImage(socket, "postgres", withLibraries(files), [
    `ENV PATH=${postgres}/bin:/usr/bin:/bin`,
    "ENV PGDATA=/var/lib/postgresql/18/docker",
    'ENTRYPOINT ["/entrypoint.sh"]',
    'CMD ["postgres"]',
  ]);
}

const postgres = "/usr/local/pgsql";

async function makePackagesImage(socket: string): Promise<string> {
  // The bundle tells by npm's record of what is installed whether it is of these packages.
  const extras = ["node_modules/.package-lock.json", relative(repository, bundleFolder)];
  const known = [join(repository, "package-lock.json"), join(bundleFolder, bundleFile)];
  const name = `squall-compose-packages:${digest(known.map((file) => readFileSync(file, "utf8")).join("\n"))}`;
  if (await hasImage(socket, name)) return name;
  const tar = ["--transform=s,^,squall/,", "--files-from=-"];
  await importTar(socket, name, repository, tar, { listed: [...installedPackages(), ...extras].join("\n") });
  return name;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly dev?: true; readonly optional?: true; readonly devOptional?: true }>
  >;
}

/** Folders of the packages that are neither for development nor optional. */
function installedPackages(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as Lock;
  const wanted = Object.entries(packages).filter(
    ([path, { dev, optional, devOptional }]) => path !== "" && !dev && !optional && !devOptional,
  );
  // A package's own packages are in its folder.
  return wanted.map(([path]) => path).filter((path) => path.lastIndexOf("node_modules/") === 0);
}

async function makeImage(
  socket: string,
  what: string,
  files: Files,
  changes: readonly string[],
): Promise<string> {
  const name = `squall-compose-${what}:${fingerprint(files, changes)}`;
  if (await hasImage(socket, name)) return name;
  const root = mkdtempSync(join(tmpdir(), "squall-image-"));
  try {
    for (const [path, source] of files) {
      const to = join(root, path);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(source, to, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith(".a") });
    }
    furnish(root);
    await importTar(socket, name, root, ["."], { changes });
  } finally {
    rmSync(root, { recursive: true });
  }
  return name;
}

/** Names, and folders that anybody may write to. */
function furnish(root: string): void {
  mkdirSync(join(root, "etc"), { recursive: true });
  const users = { root: 0, postgres: 999, node: 1000, nobody: 65534 };
  const lines = Object.entries(users);
  writeFileSync(
    join(root, "etc/passwd"),
    lines.map(([name, id]) => `${name}:x:${id}:${id}::/tmp:/bin/sh\n`).join(""),
  );
  writeFileSync(join(root, "etc/group"), lines.map(([name, id]) => `${name}:x:${id}:\n`).join(""));
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  for (const folder of ["tmp", "run", "prometheus", "var/lib/postgresql", "var/run/postgresql"]) {
    mkdirSync(join(root, folder), { recursive: true });
    chmodSync(join(root, folder), 0o1777);
  }
}

async function importTar(
  socket: string,
  name: string,
  folder: string,
  args: readonly string[],
  { listed = "", changes = [] }: { readonly listed?: string; readonly changes?: readonly string[] },
): Promise<void> {
  const all = ["--create", "--file=-", "--numeric-owner", "--owner=0", "--group=0", "-C", folder, ...args];
  const tar = spawn("tar", all, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(tar, "exit");
  tar.stdin.end(listed);
  await importImage(socket, name, tar.stdout, changes);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${code}: ${name} is not whole`);
}

/** Of this machine's programs, under the names by which they are called. */
const system = [
  ...programs.map((name) => [`/bin/${name}`, programPath(name)] as const),
  ["/bin/sh", programPath("bash")] as const,
];

function programPath(name: string): string {
  const folder = ["/bin", "/usr/bin"].find((path) => existsSync(join(path, name)));
  if (folder === undefined) throw new Error(`expected the program ${name} in /bin or /usr/bin`);
  return realpathSync(join(folder, name));
}

/** With the shared libraries of the programs among them, where the programs look for them. */
function withLibraries(files: readonly (readonly [path: string, source: string])[]): Files {
  const sources = files.map(([, source]) => source);
  const executables = sources.filter((source) => isExecutable(source));
  const libraries = new Set(executables.flatMap(librariesOf));
  // What a program brings along in a folder of its own is there already.
  const own = [...libraries].filter((library) => sources.some((source) => library.startsWith(`${source}/`)));
  for (const library of own) libraries.delete(library);
  return new Map([...files, ...[...libraries].map((library) => [library, realpathSync(library)] as const)]);
}

/** ELF, of the file's first four bytes. */
function isExecutable(file: string): boolean {
  return statSync(file).isFile() && readFileSync(file).subarray(0, 4).toString("latin1") === "\x7fELF";
}

function librariesOf(program: string): readonly string[] {
  return ldd(program)
    .split("\n")
    .map((line) => /^\s(?:.* => )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined)
    .map((path) => resolve(path));
}

function ldd(program: string): string {
  try {
    return execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return ""; // a static one: it needs none
  }
}

function fingerprint(files: Files, changes: readonly string[]): string {
  const described = [...files].map(([path, source]) => {
    const { size, mtimeMs } = statSync(source);
    return [path, source, size, mtimeMs];
  });
  return digest(JSON.stringify([described, changes, furnish.toString()]));
}

function digest(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

if (import.meta.main) {
  const images = await makeContainerImages(engineSocket());
  for (const [variable, name] of Object.entries(images)) console.log(`export ${variable}=${name}`);
}
