import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Answer } from "./router.ts";

export interface AccessOptions {
  /** What every call has to bring, if anything. */
  readonly token: string | undefined;
  /** The host that the API was told to listen on, as it was written. */
  readonly listenHost: string;
}

/**
 * Who may not ask at all: browsers, because any page that somebody opens could drive the API with them; and those who do
 * not bring the token, where there is one.
 *
 * A page comes as a foreign `Origin`, as a request that says itself that it is another site's, or under a name that the
 * page's owner has pointed at this address (DNS rebinding): a name is then taken only with the token.
 */
export function refusalBy({
  token,
  listenHost,
}: AccessOptions): (request: IncomingMessage) => Answer | undefined {
  const wanted = token === undefined ? undefined : digest(token);
  const isOwnHost = (name: string): boolean =>
    isIP(name) !== 0 || name === "localhost" || name === listenHost.toLowerCase();
  return ({ headers }) => {
    const { host, origin } = headers;
    if (headers["user-agent"]?.startsWith("Mozilla/"))
      return { status: 403, contentType: "text/plain; charset=utf-8", body: "User agent not allowed\n" };
    if (origin !== undefined && origin !== `http://${host ?? ""}`)
      return refused(403, `origin not allowed: browsers may not use this API, got ${JSON.stringify(origin)}`);
    const site = headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin" && site !== "none")
      return refused(403, "site not allowed: browsers may not use this API");
    if (wanted !== undefined) {
      const [, given] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
      if (given !== undefined && timingSafeEqual(digest(given), wanted)) return undefined;
      const error = `${given === undefined ? "token missing" : "wrong token"}, expected "Authorization: Bearer TOKEN"`;
      return { ...refused(401, error), headers: { "www-authenticate": "Bearer" } };
    }
    if (host !== undefined && !isOwnHost(hostName(host)))
      return refused(
        403,
        `host not allowed, expected an IP address, localhost or the name that the API listens on, got ${JSON.stringify(host)}`,
      );
    return undefined;
  };
}

function refused(status: number, error: string): Answer {
  return { status, body: { error, status } };
}

/** "[::1]:8474" -> "::1" */
function hostName(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? "").toLowerCase();
}

/** Of one length, so that comparing takes one time whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
