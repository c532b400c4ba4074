import { errors } from "undici";
import { messageOf, systemErrorCode } from "../base/errors.ts";
import type { Completion, OperationError } from "../record/history.ts";

export interface Ending {
  readonly completion: Completion;
  readonly error?: OperationError;
}

const refused = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EADDRNOTAVAIL"]);

/**
 * How a request without a whole answer ended. Only where no connection came about is it sure that nothing was done;
 * a time-out, a reset or an answer cut off may have been executed.
 */
export function endingOfError(error: unknown): Ending {
  const message = messageOf(error);
  const code = systemErrorCode(error) ?? "";
  if (error instanceof errors.ConnectTimeoutError)
    return { completion: "fail", error: { kind: "connect-timeout", message } };
  if (refused.has(code)) return { completion: "fail", error: { kind: "refused", message } };
  if (error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError"))
    return { completion: "unknown", error: { kind: "timeout", message } };
  return { completion: "unknown", error: { kind: "reset", message } };
}

/** How an answered request ended: as expected, or refused by what it was answered. */
export function endingOfStatus(
  status: number,
  expected: readonly number[] | undefined,
  body: unknown,
): Ending {
  const isExpected = expected ? expected.includes(status) : status >= 200 && status < 300;
  if (isExpected) return { completion: "ok" };
  return {
    completion: "fail",
    error: { kind: `http-${status}`, message: messageIn(body) ?? `answered ${status}` },
  };
}

const severity: readonly Completion[] = ["ok", "fail", "unknown"];

/** The worse of two: unknown outranks fail, since something may have happened. */
export function worse(a: Ending, b: Ending): Ending {
  return severity.indexOf(b.completion) > severity.indexOf(a.completion) ? b : a;
}

function messageIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
  return typeof body.error === "string" ? body.error : undefined;
}
