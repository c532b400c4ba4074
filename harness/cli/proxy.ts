import { Command } from "commander";
import { formatAddress } from "../base/address.ts";
import { readProxyConfig } from "../proxy/proxy-config.ts";
import { parseLeaseMs } from "../proxy/lease.ts";
import { startProxyServer, type ProxyServer } from "../proxy/proxy-server.ts";
import { colorsFor, examples, print, type CommandContext } from "./command-context.ts";

interface ProxyFlags {
  readonly listen: string;
  readonly config?: string;
  readonly seed: string;
  readonly lease: string;
  readonly token?: string;
  readonly json?: true;
}

const tokenVariable = "SQUALL_PROXY_TOKEN";

export function proxyCommand({ host }: CommandContext): Command {
  return new Command("proxy")
    .description("run the proxy alone: Toxiproxy's API, and more (docs/proxy.md)")
    .option("--listen <address>", "where the API listens", "127.0.0.1:8474")
    .option("--config <file>", "proxies to begin with, as in Toxiproxy's configuration, with toxics")
    .option("--seed <text>", "decides every random choice", "squall")
    .option("--lease <duration>", "how long a lease lives that does not say otherwise", "5s")
    .option(
      "--token <text>",
      `what every call has to bring; needed where other machines reach the API (also from ${tokenVariable}, which does not show in a list of processes)`,
    )
    .option("--json", "the ready line as JSON")
    .addHelpText(
      "after",
      examples(
        "squall proxy",
        "squall proxy --config proxies.json --seed 7",
        `${tokenVariable}=secret squall proxy --listen 0.0.0.0:8474`,
      ),
    )
    .action(async (flags: ProxyFlags) => {
      let stopListening = (): void => undefined;
      const ended = new Promise<void>((resolve) => (stopListening = host.onSignal(() => resolve())));
      try {
        const { listen, seed } = flags;
        const token = flags.token ?? (host.env[tokenVariable] || undefined);
        await using server = await startProxyServer({
          listen,
          seed,
          leaseMs: parseLeaseMs(flags.lease),
          ...(token === undefined ? {} : { token }),
          ...(flags.config === undefined ? {} : { proxies: readProxyConfig(flags.config) }),
        });
        if (flags.json === true) print(host.stdout, JSON.stringify(readyJson(server)));
        else print(host.stdout, ...readyText(server, colorsFor(host, host.stdout).bold));
        await ended;
      } finally {
        stopListening();
      }
    });
}

function readyJson({ address, proxies }: ProxyServer): unknown {
  return {
    listen: formatAddress(address),
    proxies: proxies.map(({ name, listen, upstream }) => ({
      name,
      listen: formatAddress(listen),
      upstream: formatAddress(upstream),
    })),
  };
}

function readyText({ url, proxies }: ProxyServer, bold: (text: string) => string): readonly string[] {
  const width = Math.max(0, ...proxies.map(({ name }) => name.length));
  return [
    `the proxy's API answers at ${bold(url)}; Ctrl-C ends it`,
    ...proxies.map(
      ({ name, listen, upstream }) =>
        `  ${name.padEnd(width)}  ${formatAddress(listen)} => ${formatAddress(upstream)}`,
    ),
  ];
}
