import { SquallError, messageOf, type ErrorCode } from "./errors.ts";

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
  { name, url, code, timeoutMs }: JsonServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
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
  if (!response.ok) throw new SquallError(code, `${what} answered ${response.status}: ${text.trim()}`);
  return text === "" ? undefined : JSON.parse(text);
}
