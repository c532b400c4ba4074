import type { Completion, OperationError } from "../record/history.ts";
import type { Exchange } from "./http/client.ts";

/** How an operation or a journey ended, and why it did not end `ok`. */
export interface Ending {
  readonly completion: Completion;
  readonly error?: OperationError;
}

/** How an exchange without a whole answer ended: what was sent may have been executed, what was not surely was not. */
export function endingWithoutAnswer({ kind, message }: Exclude<Exchange, { kind: "answered" }>): Ending {
  switch (kind) {
    case "timeout":
    case "reset":
      return { completion: "unknown", error: { kind, message } };
    case "refused":
    case "not-sent":
      return { completion: "fail", error: { kind, message } };
  }
}

/**
 * How an answered exchange ended, by its status.
 * @param expected statuses that are as it should be; every 2xx when absent
 */
export function endingOfStatus(
  status: number,
  expected: readonly number[] | undefined,
  body: unknown,
): Ending {
  const isExpected = expected ? expected.includes(status) : status >= 200 && status < 300;
  if (isExpected) return { completion: "ok" };
  return {
    completion: "fail",
    error: { kind: `http-${status}`, message: errorIn(body) ?? `answered ${status}` },
  };
}

const severity: readonly Completion[] = ["ok", "fail", "unknown"];

/** Whether `a` is worse than `b`: unknown outranks fail, since something may have happened. */
export function isWorse(a: Ending, b: Ending): boolean {
  return severity.indexOf(a.completion) > severity.indexOf(b.completion);
}

/** The shop's and many another's way of saying what went wrong: `{"error": "out-of-stock"}`. */
function errorIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
  return typeof body.error === "string" ? body.error : undefined;
}
