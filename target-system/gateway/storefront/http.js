import { Trouble } from "./trouble.js";

/**
 * @typedef {object} Ask
 * @property {"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} [method] default GET
 * @property {unknown} [body] sent as JSON
 * @property {Readonly<Record<string, string>>} [headers]
 * @property {AbortSignal | undefined} [signal] of the page that asks; a page that was left needs no answer
 */

/** Longer than the gateway takes at most, so that its answer is heard. */
const patienceMs = 12_000;

/**
 * Asks the gateway, once.
 * @param {string} path
 * @param {Ask} [ask]
 * @returns {Promise<unknown>} the body of a good answer
 * @throws {Trouble} for any other answer, and for none; what aborts `signal` is thrown as it is
 */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  const response = await fetch(path, {
    method,
    headers: {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]),
    credentials: "omit",
    cache: "no-store",
  }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Trouble("unreached", { cause: error });
  });
  const text = await response.text().catch((error) => {
    if (signal?.aborted) throw error;
    throw new Trouble("unreached", { cause: error });
  });
  const answer = parse(text);
  if (response.ok) return answer;
  throw troubleWith(response, answer);
}

/** @param {Response} response @param {unknown} body */
function troubleWith({ status, headers }, body) {
  const waitMs = waitOf(headers.get("retry-after"));
  const details = { status, code: codeOf(body), waitMs, body };
  if (status === 429 || (status === 503 && waitMs !== undefined)) return new Trouble("busy", details);
  return new Trouble(status >= 500 ? "down" : "refused", details);
}

/** Seconds or a date, as RFC 9110 has it. @param {string | null} retryAfter */
function waitOf(retryAfter) {
  if (retryAfter === null) return undefined;
  const waitMs = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** @param {unknown} body */
function codeOf(body) {
  return typeof body === "object" && body !== null && "error" in body ? String(body.error) : "unknown";
}

/** @param {string} text @returns {unknown} */
function parse(text) {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined; // not of this API: its status says what is to be said
  }
}
