import { z } from "zod";
import { formatAddress, type Address } from "../../base/address.ts";
import { callJson } from "../../base/call-json.ts";
import { proxyParts, publishedAt, type StackContainer } from "./stack.ts";

/** By the contract of the Compose file: where the proxy's API listens in its container. */
export const proxyApiPort = 8474;
const callTimeoutMs = 5_000;

const proxiesSchema = z.record(z.string(), z.object({ listen: z.string(), upstream: z.string() }));

export function isProxy({ part }: StackContainer): boolean {
  return proxyParts.some((name) => name === part);
}

/** Where the proxy's API is published. */
export function proxyApiOf({ info }: StackContainer): Address | undefined {
  return publishedAt(info, proxyApiPort);
}

/** By edge ("order->payment"), where its proxy listens and leads to. @throws {SQUALL_PROXY} when it does not answer */
export async function listProxies(api: Address): Promise<z.output<typeof proxiesSchema>> {
  const url = `http://${formatAddress(api)}`;
  const server = { name: "the proxy", url, code: "SQUALL_PROXY", timeoutMs: callTimeoutMs } as const;
  return proxiesSchema.parse(await callJson(server, "GET", "/proxies"));
}
