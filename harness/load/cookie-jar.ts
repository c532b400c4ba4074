/**
 * The cookies of one virtual user, as RFC 6265 has a browser keep them (sections 5.2 to 5.4), less what a load of one
 * origin has no use for: `Domain` is not looked at, since every request goes to the host that set the cookie, and neither
 * is `HttpOnly`, since there is no page. `Secure` cookies are sent on loopback too, as browsers do.
 */
export interface CookieJar {
  /** Value of the Cookie header for a request to `path`; undefined when there is nothing to send. */
  headerFor(path: string): string | undefined;
  /** Takes in the Set-Cookie headers of the answer to a request to `path`. */
  take(setCookies: string | readonly string[] | undefined, path: string): void;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Epoch milliseconds; infinite for one that lasts as long as the user. */
  readonly expiresAtMs: number;
}

/** @param nowMs epoch milliseconds */
export function createCookieJar(nowMs: () => number = Date.now): CookieJar {
  /** By name and path: one of the same name and path replaces the earlier, and keeps its place. */
  let cookies: Map<string, Cookie> | undefined;
  return {
    headerFor(path) {
      if (cookies === undefined || cookies.size === 0) return undefined;
      const sent = [...cookies.values()]
        .filter((cookie) => cookie.expiresAtMs > nowMs() && isWithin(path, cookie.path))
        // The most specific path first (5.4, step 2); sorting is stable, so the older of equals comes first.
        .sort((one, other) => other.path.length - one.path.length);
      if (sent.length === 0) return undefined;
      return sent.map(({ name, value }) => (name === "" ? value : `${name}=${value}`)).join("; ");
    },
    take(setCookies, path) {
      if (setCookies === undefined) return;
      for (const line of typeof setCookies === "string" ? [setCookies] : setCookies) {
        const cookie = parseSetCookie(line, path, nowMs());
        if (cookie === undefined) continue;
        cookies ??= new Map();
        const key = `${cookie.name};${cookie.path}`;
        if (cookie.expiresAtMs > nowMs()) cookies.set(key, cookie);
        else cookies.delete(key);
      }
    },
  };
}

/** One Set-Cookie header; undefined for one without a name or a value. */
function parseSetCookie(line: string, requestPath: string, nowMs: number): Cookie | undefined {
  const [pair = "", ...attributes] = line.split(";");
  const equals = pair.indexOf("=");
  const name = equals === -1 ? "" : pair.slice(0, equals).trim();
  const value = (equals === -1 ? pair : pair.slice(equals + 1)).trim();
  if (name === "" && value === "") return undefined;
  let path = defaultPath(requestPath);
  let maxAgeMs: number | undefined;
  let expiresAtMs: number | undefined;
  for (const attribute of attributes) {
    const [key = "", ...rest] = attribute.split("=");
    const given = rest.join("=").trim();
    switch (key.trim().toLowerCase()) {
      case "path":
        path = given.startsWith("/") ? given : defaultPath(requestPath);
        break;
      case "max-age":
        if (/^-?\d+$/.test(given)) maxAgeMs = Number(given) * 1_000;
        break;
      case "expires": {
        const atMs = Date.parse(given);
        if (!Number.isNaN(atMs)) expiresAtMs = atMs;
        break;
      }
    }
  }
  // Max-Age counts more than Expires (5.3, step 3).
  const endsAtMs = maxAgeMs === undefined ? (expiresAtMs ?? Infinity) : nowMs + maxAgeMs;
  return { name, value, path, expiresAtMs: endsAtMs };
}

/** The folder of a request's path (5.1.4). */
function defaultPath(requestPath: string): string {
  const path = requestPath.replace(/[?#].*$/s, "");
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** Whether a request's path is the cookie's, or below it (5.1.4). */
function isWithin(requestPath: string, cookiePath: string): boolean {
  const path = requestPath.replace(/[?#].*$/s, "");
  if (!path.startsWith(cookiePath)) return false;
  return path.length === cookiePath.length || cookiePath.endsWith("/") || path[cookiePath.length] === "/";
}
