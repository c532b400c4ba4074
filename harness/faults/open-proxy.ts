import { z } from "zod";
import { statusAnswered } from "../base/call-json.ts";
import { SquallError } from "../base/errors.ts";
import { proxyApi, proxyCalls, type ProxyApi } from "./proxy-api.ts";
import { toxiproxyApi } from "./toxiproxy-api.ts";

const versionSchema = z.object({ version: z.string() });

/**
 * A client of the proxy that answers there, whichever it is: Squall's own has leases; Toxiproxy has none, and a version.
 * @param url base URL of its API
 * @throws {SQUALL_PROXY} when nothing answers there in time, or something else does
 */
export async function openProxy(url: string): Promise<ProxyApi> {
  const call = proxyCalls(url);
  try {
    await call("GET", "/leases");
    return proxyApi(url);
  } catch (error) {
    if (statusAnswered(error) !== 404) throw error;
  }
  const version = versionSchema.safeParse(await call("GET", "/version"));
  if (!version.success) throw new SquallError("SQUALL_PROXY", `what answers on ${url} is no Toxiproxy`);
  return toxiproxyApi(url, version.data.version);
}
