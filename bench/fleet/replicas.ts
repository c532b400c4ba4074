import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Pool } from "undici";
import { formatAddress } from "../../harness/base/address.ts";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";
import { byProcess, cpuMs, less, processesOf, sum } from "./process-figures.ts";

export interface Throughput {
  readonly perSecond: number;
  /** Processors that catalog's processes were busy with, of those that the machine has. */
  readonly catalogCpus: number;
}

const connections = 32;

/** How many listings catalog answers a second when there is always another one to answer, through the proxy as ever. */
export async function listingsPerSecond(fleet: Fleet, durationMs: number): Promise<Throughput> {
  const edge = fleet.edges.find(({ caller, callee }) => caller === "gateway" && callee === "catalog");
  if (edge === undefined) throw new Error("no edge gateway -> catalog");
  const catalogs = processesOf(fleet).filter(isCatalog);
  const headers = { authorization: `Bearer ${tokenOfGateway(fleet)}` };
  let endsAtMs = performance.now() + durationMs / 4; // to warm up
  const ask = async (): Promise<number> => {
    // Anew each time, so that its connections are spread over the replicas that there are now.
    await using pool = disposable(new Pool(`http://${formatAddress(edge.listen)}`, { connections }));
    let answered = 0;
    const one = async (connection: number): Promise<void> => {
      for (let page = connection; performance.now() < endsAtMs; page += 1) {
        const path = `/products?page=${1 + (page % 20)}&limit=20`;
        const { statusCode, body } = await pool.request({ method: "GET", path, headers });
        if (statusCode !== 200) throw new Error(`catalog answered ${statusCode}: ${await body.text()}`);
        await body.dump();
        answered += 1;
      }
    };
    await Promise.all(Array.from({ length: connections }, (_, index) => one(index)));
    return answered;
  };
  await ask();
  const startedMs = performance.now();
  const before = byProcess(catalogs, cpuMs);
  endsAtMs = startedMs + durationMs;
  const answered = await ask();
  const tookMs = performance.now() - startedMs;
  const usedMs = sum(less(byProcess(catalogs, cpuMs), before));
  return { perSecond: (answered / tookMs) * 1_000, catalogCpus: usedMs / tookMs };
}

/** A minute's proof of being the gateway, as an operator gets one. */
function tokenOfGateway({ target }: Fleet): string {
  const operate = join(target.folder, "service-kit/identity/operate.ts");
  const identities = join(processRuntime().stateFolder(target), "folders/identity");
  const options = { env: { ...process.env, IDENTITY_DIR: identities }, encoding: "utf8" } as const;
  return execFileSync(process.execPath, [operate, "token", "gateway", "catalog"], options).trim();
}

/** How many processes of catalog there are. */
export function catalogs(fleet: Fleet): number {
  return processesOf(fleet).filter(isCatalog).length;
}

function isCatalog({ name }: { readonly name: string }): boolean {
  return /^catalog(-\d+)?$/.test(name);
}

function disposable(pool: Pool): Pool & AsyncDisposable {
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() });
}
