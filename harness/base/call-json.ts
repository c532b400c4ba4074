import { SquallError, messageOf, systemErrorCode, type ErrorCode } from "./errors.ts";

/** A server that is asked, and what it is called when it does not answer. */
export interface JsonServer {
  /** "the proxy". */
  readonly name: string;
  readonly url: string;
  /** Of its errors. */
  readonly code: ErrorCode;
  readonly timeoutMs: number;
}

/**
 * Asks a server over HTTP, JSON both ways. @param path with its leading slash
 * @returns the decoded answer; undefined when it is empty
 * @throws {SquallError} of the server's code, with what it said: there was no answer in time, or no 2xx
 */
export async function callJson(
  server: JsonServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const text = await callText(server, method, path, body);
  return text === "" ? undefined : JSON.parse(text);
}

/** As {@link callJson}, but what is answered is left as it is. */
export async function callText(
  { name, url, code, timeoutMs }: JsonServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> {
  const what = `${method} ${path} at ${name} on ${url}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    });
    text = await response.text();
  } catch (error) {
    throw new SquallError(code, `${what} got no answer: ${messageOf(error)}`, { cause: error });
  }
  const { status } = response;
  if (!response.ok)
    throw new SquallError(code, `${what} answered ${status}: ${text.trim()}`, { cause: { status } });
  return text;
}

/** Whether a call threw because nobody listens there: not because it took too long, or an answer was cut off. */
export function isRefused(error: unknown): boolean {
  if (systemErrorCode(error) === "ECONNREFUSED") return true;
  return error instanceof Error && isRefused(error.cause);
}

/** The HTTP status of an answer that a call threw because of it, else `undefined`. */
export function statusAnswered(error: unknown): number | undefined {
  if (!(error instanceof SquallError)) return undefined;
  const { cause } = error;
  if (typeof cause !== "object" || cause === null || !("status" in cause)) return undefined;
  return typeof cause.status === "number" ? cause.status : undefined;
}
