import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, relative, resolve } from "node:path";
import { SquallError, messageOf } from "../../base/errors.ts";
import { unknownName } from "../../base/nearest.ts";
import type { LoadPlan } from "../../load/driver.ts";
import { mixOf, type Target } from "../../target/target.ts";
import type { Host } from "../host.ts";
import { targetOrShop } from "../shop.ts";
import type { LoadFlags } from "./load-flags.ts";

/** What a load takes, and from whom: what the first word of the command line means. */
export interface LoadSubject {
  /** As reports name it: "shopper", "journeys.ts", "GET /products". */
  readonly title: string;
  readonly mix: LoadPlan["mix"];
  /** Origin: scheme, host and port. */
  readonly baseUrl: string;
  /** The module of the journeys, in the load's folder where it has to be made first. */
  moduleIn(folder: string): string;
}

/**
 *   http://127.0.0.1:8080/products   one GET of that, again and again
 *   journeys.ts, journeys.ts:buy     the journeys of a module, or one of them
 *   checkout, shopper                a journey of the target, or a mix
 *
 * @param mix as `--mix` says
 * @throws {SQUALL_USAGE} when it means nothing, or nothing says where to send it
 */
export async function subjectOf(
  what: string | undefined,
  flags: Pick<LoadFlags, "url" | "target" | "allowRemote">,
  mix: LoadPlan["mix"] | undefined,
  host: Host,
): Promise<LoadSubject> {
  const subject =
    what !== undefined && /^https?:\/\//i.test(what)
      ? addressSubject(what, flags.url, mix)
      : what !== undefined && isModule(what)
        ? moduleSubject(what, flags.url, mix)
        : await targetSubject(what, flags, mix, host);
  requireLocal(subject.baseUrl, flags.allowRemote === true);
  return subject;
}

function addressSubject(
  given: string,
  url: string | undefined,
  mix: LoadPlan["mix"] | undefined,
): LoadSubject {
  if (url !== undefined || mix !== undefined)
    throw new SquallError(
      "SQUALL_USAGE",
      `${url === undefined ? "--mix" : "--url"}: ${given} says already what is asked of whom`,
      { hint: "squall load journeys.ts --url http://127.0.0.1:8080 --mix browse=3,buy=1" },
    );
  const { origin, pathname, search } = parseUrl(given, given);
  const path = `${pathname}${search}`;
  return {
    title: `GET ${path}`,
    mix: { get: 1 },
    baseUrl: origin,
    moduleIn(folder) {
      const file = join(folder, "journeys.mjs");
      writeFileSync(
        file,
        [
          `// What squall load ${given} takes. To ask for more, change it and take it as it is:`,
          `//   squall load ${relative(".", file)} --url ${origin}`,
          `export const journeys = { get: ({ http }) => http.get("get", ${JSON.stringify(path)}) };`,
          "",
        ].join("\n"),
      );
      return file;
    },
  };
}

/** A path, or the name of a file of code; `:journey` may follow. */
function isModule(what: string): boolean {
  return /[\\/]/.test(what) || /\.[cm]?[jt]s(:|$)/.test(what);
}

function moduleSubject(what: string, url: string | undefined, mix: LoadPlan["mix"] | undefined): LoadSubject {
  const [, file = what, journey] = /^(.*\.[cm]?[jt]s):([^:\\/]+)$/.exec(what) ?? [];
  if (!existsSync(file)) throw new SquallError("SQUALL_FILE", `there is no file ${file}`);
  if (journey !== undefined && mix !== undefined)
    throw new SquallError("SQUALL_USAGE", `--mix: ${what} says already which journey is taken`);
  return {
    title: what,
    mix: journey === undefined ? (mix ?? {}) : { [journey]: 1 },
    baseUrl: requireUrl(url, `${what} does not say of whom it asks`),
    moduleIn: () => resolve(file),
  };
}

async function targetSubject(
  what: string | undefined,
  flags: Pick<LoadFlags, "url" | "target">,
  mix: LoadPlan["mix"] | undefined,
  host: Host,
): Promise<LoadSubject> {
  if (what === undefined && mix === undefined)
    throw new SquallError(
      "SQUALL_USAGE",
      "expected what to take: a URL, a file of journeys, or a journey's name",
      {
        hint: "squall load http://127.0.0.1:8080/ --rate 50/s --for 10s",
      },
    );
  const target = targetOrShop(flags.target);
  const { names, mixes } = target.journeys;
  const known = [...Object.keys(mixes), ...names];
  const taken = what === undefined ? undefined : mixOf(target, what);
  if (what !== undefined && taken === undefined)
    throw new SquallError("SQUALL_USAGE", unknownName(`journey of ${target.name}`, what, known), {
      hint: "a file of journeys is named by its path: ./journeys.ts",
    });
  if (what !== undefined && mix !== undefined)
    throw new SquallError("SQUALL_USAGE", `--mix: ${what} says already which journeys are taken`);
  const unknown = Object.keys(mix ?? {}).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new SquallError(
      "SQUALL_USAGE",
      `--mix: ${unknown.map((name) => unknownName(`journey of ${target.name}`, name, names)).join("; ")}`,
    );
  return {
    title: what ?? Object.keys(mix ?? {}).join(", "),
    mix: taken ?? mix ?? {},
    baseUrl: flags.url === undefined ? await entryOf(target, host) : requireUrl(flags.url, ""),
    moduleIn: () => target.journeys.module,
  };
}

/** Where clients come into the fleet that is up. */
async function entryOf(target: Target, host: Host): Promise<string> {
  const fleet = await host.runtime.attach(target);
  if (fleet !== undefined) return new URL(fleet.entry).origin;
  throw new SquallError(
    "SQUALL_NO_FLEET",
    `no fleet of ${target.name} is up, and no --url says where to go`,
    {
      hint: "squall up starts one; or give --url http://127.0.0.1:8080",
    },
  );
}

function requireUrl(url: string | undefined, why: string): string {
  if (url === undefined)
    throw new SquallError("SQUALL_USAGE", `expected --url: ${why}`, {
      hint: "--url http://127.0.0.1:8080",
    });
  const { origin, pathname, search, hash } = parseUrl(url, `--url ${url}`);
  if (pathname !== "/" || search !== "" || hash !== "")
    throw new SquallError("SQUALL_USAGE", `--url: expected an origin such as "${origin}", got "${url}"`, {
      hint: "the paths are what the journeys say",
    });
  return origin;
}

function parseUrl(url: string, shown: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new SquallError("SQUALL_USAGE", `expected a URL such as "http://127.0.0.1:8080", got ${shown}`);
}

/** A load on a system of other people's is an attack: it takes a word more than a slip of the finger. */
function requireLocal(baseUrl: string, mayBeRemote: boolean): void {
  const { hostname } = new URL(baseUrl);
  const isLocal = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (isLocal || mayBeRemote) return;
  throw new SquallError("SQUALL_USAGE", `${baseUrl} is not this machine: expected --allow-remote as well`, {
    hint: "only for a system that is yours to load",
  });
}

const connectsWithinMs = 3_000;

/** @throws {SQUALL_PREFLIGHT} when nothing listens there: better told once than by each request */
export async function requireListener(baseUrl: string): Promise<void> {
  const { hostname, port, protocol } = new URL(baseUrl);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { promise, resolve: connected, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port: Number(port) || (protocol === "https:" ? 443 : 80) });
  socket.setTimeout(connectsWithinMs, () => reject(new Error(`no connection within ${connectsWithinMs} ms`)));
  socket.once("connect", connected).once("error", reject);
  try {
    await promise;
  } catch (error) {
    throw new SquallError("SQUALL_PREFLIGHT", `nothing listens at ${baseUrl}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}
