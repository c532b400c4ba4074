import type { Ending } from "../ending.ts";

/** What k6 says of one request. */
export interface K6Request {
  /** 0 where there was no whole answer. */
  readonly status: number;
  /** By the script's response callback; k6's own takes 200 to 399. */
  readonly isExpected: boolean;
  /** k6's number of an error, "1050": https://grafana.com/docs/k6/latest/javascript-api/error-codes/ */
  readonly errorCode: string | undefined;
  readonly error: string | undefined;
  /** Whether it was put on a connection: else it surely was not executed. */
  readonly wasSent: boolean;
}

const requestTimeout = "1050";

/** How a request of k6 ended, in the history's words. */
export function endingOfK6Request({ status, isExpected, errorCode, error, wasSent }: K6Request): Ending {
  if (status !== 0) {
    if (isExpected) return { completion: "ok" };
    return { completion: "fail", error: { kind: `http-${status}`, message: error ?? `answered ${status}` } };
  }
  const message = error ?? `no answer (k6's error ${errorCode ?? "without a code"})`;
  if (!wasSent) return { completion: "fail", error: { kind: "refused", message } };
  return {
    completion: "unknown",
    error: { kind: errorCode === requestTimeout ? "timeout" : "reset", message },
  };
}
