import type { Origin } from "./origin.ts";

export interface ClientRequest {
  readonly method: string;
  /** From "/" on, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as it goes on a connection, in one piece. */
export interface WrittenRequest {
  readonly method: string;
  readonly text: string;
  readonly encoding: "latin1" | "utf8";
}

/** Names that say where a message ends or what becomes of its connection: they are the client's own. */
const ownNames: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Methods whose requests have a body, be it an empty one. */
const withBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const pathForm = /^\/[\x21-\x7e]*$/;
const valueForm = /^[\t\x20-\x7e]*$/;
/** How many names of headers are remembered as checked. */
const mostNames = 1_000;

/**
 * Writes requests for an origin. @returns a function of the request
 * @throws (the function) when the request cannot be put in HTTP/1.1
 */
export function createRequestWriter({
  host,
  pathPrefix,
}: Origin): (request: ClientRequest) => WrittenRequest {
  const hostLine = `host: ${host}\r\n`;
  /** By name as it is given: "x-id" -> "x-id: ". */
  const lineStarts = new Map<string, string>();

  const startOf = (name: string): string => {
    const known = lineStarts.get(name);
    if (known !== undefined) return known;
    if (!token.test(name)) throw new TypeError(`a header cannot be named "${name}"`);
    if (ownNames.has(name.toLowerCase()))
      throw new TypeError(`the header ${name} is for the client to set, not for a journey`);
    const start = `${name}: `;
    if (lineStarts.size < mostNames) lineStarts.set(name, start);
    return start;
  };

  return ({ method, path, headers, body }) => {
    if (!token.test(method) || method === "CONNECT")
      throw new TypeError(`expected a method such as GET, got "${method}"`);
    if (!pathForm.test(path))
      throw new TypeError(`expected a path from "/" on, without blanks and encoded, got "${path}"`);
    let lines = "";
    let isHostGiven = false;
    for (const name in headers) {
      const value = headers[name] as string;
      if (!valueForm.test(value))
        throw new TypeError(`the header ${name} has a value that is not plain ASCII, or has a line end`);
      lines += startOf(name) + value + "\r\n";
      if (name.length === 4 && name.toLowerCase() === "host") isHostGiven = true;
    }
    const head = `${method} ${pathPrefix}${path} HTTP/1.1\r\n${isHostGiven ? "" : hostLine}${lines}`;
    if (body === undefined) {
      const text = withBody.has(method) ? `${head}content-length: 0\r\n\r\n` : `${head}\r\n`;
      return { method, text, encoding: "latin1" };
    }
    const bodyBytes = Buffer.byteLength(body);
    return {
      method,
      text: `${head}content-length: ${bodyBytes}\r\n\r\n${body}`,
      // The head is ASCII, which is the same in both; a body of as many bytes as characters is, too.
      encoding: bodyBytes === body.length ? "latin1" : "utf8",
    };
  };
}
