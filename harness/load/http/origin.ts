import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext } from "node:tls";
import { SquallError } from "../../base/errors.ts";

/** Where requests go: taken from the base URL. */
export interface Origin {
  /** As the Host header has it: without the scheme's own port, IPv6 in brackets. */
  readonly host: string;
  /** What stands before each path: "" or "/shop". */
  readonly pathPrefix: string;
  /** What the socket emits when it may be written to. */
  readonly opened: "connect" | "secureConnect";
  /** @param onBytes told what comes; the bytes are overwritten afterwards */
  connect(onBytes: (bytes: Buffer, sizeBytes: number) => void): Socket;
}

/** For a base URL of `https:`. */
export interface TlsOptions {
  /** Certificates in PEM of those that the server's may be signed by, instead of the well-known ones. */
  readonly ca?: string;
  /** Whether any certificate will do. @default false */
  readonly insecure?: boolean;
}

/** Where bytes come in on all connections, one read after the other: no read has to allocate. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1_024);

/** @throws {SQUALL_USAGE} when it is no base URL of a web server */
export function originOf(baseUrl: string, { ca, insecure = false }: TlsOptions = {}): Origin {
  const url = URL.parse(baseUrl);
  if (url === null || !/^https?:$/.test(url.protocol)) throw noBaseUrl(baseUrl);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw noBaseUrl(baseUrl);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const place = { host: hostname, port, noDelay: true } as const;
  const common = { host: url.host, pathPrefix: url.pathname.replace(/\/+$/, "") };
  if (!isTls)
    return {
      ...common,
      opened: "connect",
      connect(onBytes) {
        const callback = (sizeBytes: number): boolean => {
          onBytes(readBuffer, sizeBytes);
          return true;
        };
        return connect({ ...place, onread: { buffer: readBuffer, callback } });
      },
    };
  const tls = {
    ...place,
    secureContext: createSecureContext(ca === undefined ? {} : { ca }),
    rejectUnauthorized: !insecure,
    ALPNProtocols: ["http/1.1"],
    // A name of a server; an address is none.
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
  };
  return {
    ...common,
    opened: "secureConnect",
    connect: (onBytes) => connectTls(tls).on("data", (bytes: Buffer) => onBytes(bytes, bytes.length)),
  };
}

function noBaseUrl(given: string): SquallError {
  return new SquallError(
    "SQUALL_USAGE",
    `expected a base URL such as "http://127.0.0.1:8080", got "${given}"`,
    {
      hint: "scheme http or https, host, port and a path; no user, query or fragment",
    },
  );
}
