/** A TCP endpoint, numeric or by name. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "127.0.0.1:8474" -> its parts; IPv6 in brackets. `undefined` when it is no address. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || !(port <= 65_535) ? undefined : { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
