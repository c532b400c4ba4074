import { callJson, isRefused, statusAnswered } from "../base/call-json.ts";

/**
 * How a fault of an edge is ended by someone who knows nothing but this: a lease of Squall's proxy, a toxic or a closed
 * listener of Toxiproxy, which has no leases.
 */
export type ProxyUndo =
  | { readonly kind: "end-lease"; readonly proxyApi: string; readonly lease: string }
  | {
      readonly kind: "remove-toxic";
      readonly proxyApi: string;
      readonly proxy: string;
      readonly toxic: string;
    }
  | { readonly kind: "enable-proxy"; readonly proxyApi: string; readonly proxy: string };

const callTimeoutMs = 2_000;

/**
 * Ends what is there still; that nothing is there is no error.
 * @returns what became of it, in words
 * @throws {SQUALL_PROXY} when the proxy is there and did not do it
 */
export async function takeBackOnProxy(undo: ProxyUndo): Promise<string> {
  try {
    return await doUndo(undo);
  } catch (error) {
    // A proxy that is gone took its faults with it; one that is there and refuses did not.
    if (!(await isGone(undo))) throw error;
    return `the proxy on ${undo.proxyApi} is gone, and its faults with it`;
  }
}

/**
 * As {@link takeBackOnProxy}, of a proxy that is there.
 * @throws {SQUALL_PROXY} when it refuses or does not answer in time
 */
export async function doUndo(undo: ProxyUndo): Promise<string> {
  const { proxyApi } = undo;
  switch (undo.kind) {
    case "end-lease":
      await call(proxyApi, "DELETE", `/leases/${encodeURIComponent(undo.lease)}`);
      return `lease ${undo.lease} ended`;
    case "remove-toxic": {
      const { proxy, toxic } = undo;
      const path = `/proxies/${encodeURIComponent(proxy)}/toxics/${encodeURIComponent(toxic)}`;
      return (await unlessNotThere(() => call(proxyApi, "DELETE", path)))
        ? `toxic ${toxic} removed from ${proxy}`
        : `toxic ${toxic} is not on ${proxy}`;
    }
    case "enable-proxy": {
      const { proxy } = undo;
      const path = `/proxies/${encodeURIComponent(proxy)}`;
      return (await unlessNotThere(() => call(proxyApi, "POST", path, { enabled: true })))
        ? `${proxy} enabled`
        : `there is no proxy ${proxy}`;
    }
  }
}

/** @returns whether it was there */
async function unlessNotThere(deed: () => Promise<unknown>): Promise<boolean> {
  try {
    await deed();
    return true;
  } catch (error) {
    if (statusAnswered(error) === 404) return false;
    throw error;
  }
}

function call(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const server = { name: "the proxy", url, code: "SQUALL_PROXY", timeoutMs: callTimeoutMs } as const;
  return callJson(server, method, path, body);
}

/** One that does not answer in time may be there still: that is as good as gone only where its lease ends the fault. */
async function isGone({ kind, proxyApi }: ProxyUndo): Promise<boolean> {
  try {
    await call(proxyApi, "GET", "/version");
    return false;
  } catch (error) {
    return kind === "end-lease" || isRefused(error);
  }
}
