import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { expect } from "vitest";
import { parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import { echo, startPeer } from "./proxy.fixture.ts";
import { startProxyServer } from "./proxy-server.ts";

/**
 * Toxiproxy's own server and ours, driven with the same requests and the same bytes. What differs is meant to: it has a name
 * here and a paragraph of that name in docs/proxy.md, and each name is seen to differ.
 */
export const intended = {
  answers: [
    "bodies",
    "size",
    "error texts",
    "error type",
    "listen",
    "populate",
    "toxics at once",
    "upstreams",
    "more fields",
    "order",
    "lists",
    "stream",
    "slashes",
    "HEAD",
    "names",
    "browsers",
    "metrics",
  ],
  effects: ["hang", "toxicity", "reset_peer", "timeout", "half-close", "refused"],
} as const;
export type Difference = (typeof intended)["answers" | "effects"][number];

export interface Side {
  readonly address: Address;
}

export interface Toxiproxy extends Side, AsyncDisposable {}

/** Both servers, and an upstream that echoes. */
export async function startSides() {
  const peer = await startPeer(echo);
  const real = await startToxiproxy("-proxy-metrics");
  const ours = await startProxyServer();
  const upstream = textOf(peer.address);
  return {
    real,
    ours,
    upstream,
    both: [real, ours] as const,
    /** Leaves each with one proxy, "edge", that has these toxics. */
    async begin(toxics: readonly unknown[] = [], to = upstream): Promise<void> {
      for (const side of [real, ours]) {
        for (const name of Object.keys(JSON.parse((await ask(side, "GET", "/proxies")).body) as object))
          await ask(side, "DELETE", `/proxies/${encodeURIComponent(name)}`);
        await ask(side, "POST", "/proxies", { name: "edge", listen: "127.0.0.1:0", upstream: to });
        for (const toxic of toxics) await ask(side, "POST", "/proxies/edge/toxics", toxic);
      }
    },
    async [Symbol.asyncDispose]() {
      await real[Symbol.asyncDispose]();
      await ours.close();
      await peer[Symbol.asyncDispose]();
    },
  };
}

const serverFile = process.env["TOXIPROXY_SERVER"] ?? "toxiproxy-server";

export async function startToxiproxy(...flags: readonly string[]): Promise<Toxiproxy> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const child: ChildProcess = spawn(serverFile, ["-host", "127.0.0.1", "-port", String(port), ...flags], {
    stdio: "ignore",
  });
  const toxiproxy = {
    address: { host: "127.0.0.1", port },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
  await waitFor(
    { what: "Toxiproxy answers", withinMs: 10_000 },
    async () => (await ask(toxiproxy, "GET", "/version")).status,
  );
  return toxiproxy;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

export type Headers = Readonly<Record<string, string>>;

/** One request, byte for byte as given: `fetch` would mend paths. */
export function ask(
  { address }: Side,
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = {},
): Promise<Reply> {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const length = text === "" ? {} : { "content-length": String(Buffer.byteLength(text)) };
    const signal = AbortSignal.timeout(10_000);
    const outgoing = request(
      { ...address, method, path, headers: { ...length, ...headers }, signal },
      (response) => {
        let body = "";
        response.on("data", (chunk) => (body += String(chunk)));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, contentType: response.headers["content-type"], body }),
        );
      },
    );
    outgoing.on("error", reject).end(text);
  });
}

export function textOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

/** A reply without what differs from run to run: ports that were chosen, the version. */
function comparable({ status, contentType, body }: Reply): {
  status: number;
  contentType: string;
  body: unknown;
} {
  const text = body
    .replaceAll(/"version": "[^"]*"/g, '"version": "V"')
    .replaceAll(/("listen":"[^"]*:)\d+"/g, '$1PORT"');
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // not JSON: compared as text
  }
  return { status, contentType: contentType ?? "none", body: value };
}

/** Takes away what is told of a proxy or a toxic only by us, or only by Toxiproxy. */
function withoutExtras(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutExtras);
  if (typeof value !== "object" || value === null) return value;
  const ours = [
    "upstreams",
    "draining",
    "health",
    "lease",
    "matched",
    "drawn",
    "affected",
    "unreadable_connections",
  ];
  const extra = new Set([...ours, "first_affected_at_ms", "last_affected_at_ms", "expires_in_ms", "Logger"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !extra.has(key))
      .map(([key, member]) => [key, withoutExtras(member)]),
  );
}

/** What differs between two replies, of that which is meant to differ anywhere; the rest is compared. */
export function compare(given: { real: Reply; ours: Reply }): readonly Difference[] {
  const differences: Difference[] = [];
  const [one, other] = [comparable(given.real), comparable(given.ours)];
  if (one.status >= 400 && one.status === other.status && one.contentType !== other.contentType) {
    expect([one.contentType, other.contentType]).toEqual(["text/plain; charset=utf-8", "application/json"]);
    differences.push("error type");
    one.contentType = other.contentType;
  }
  const [plainOne, plainOther] = [withoutExtras(one.body), withoutExtras(other.body)];
  if (
    JSON.stringify(plainOne) !== JSON.stringify(one.body) ||
    JSON.stringify(plainOther) !== JSON.stringify(other.body)
  )
    differences.push("more fields");
  const [realError, ourError] = [errorOf(plainOne), errorOf(plainOther)];
  if (realError !== undefined && ourError !== undefined && realError !== ourError) {
    // Of ours, the fixed text of theirs is the beginning.
    const fixed =
      /^(bad request body|missing required field: [a-z]+( at proxy \d+)?|listen tcp|[a-z ,]+)/.exec(
        realError,
      )?.[0];
    expect(ourError.startsWith(fixed ?? realError), `"${ourError}" begins as "${realError}"`).toBe(true);
    differences.push("error texts");
    Object.assign(plainOther as object, { error: realError });
  }
  expect({ ...other, body: plainOther }).toEqual({ ...one, body: plainOne });
  return differences;
}

function errorOf(body: unknown): string | undefined {
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
  return typeof error === "string" ? error : undefined;
}

export async function listenOf(side: Side): Promise<Address> {
  const { listen } = JSON.parse((await ask(side, "GET", "/proxies/edge")).body) as { listen: string };
  const address = parseAddress(listen);
  if (!address) throw new Error(`no address: ${listen}`);
  return address;
}
