/**
 * Why there is no good answer:
 *
 *   unreached  nothing came back: no network, no gateway, or not in time
 *   down       a part of the shop did not answer the gateway, or failed
 *   busy       come again after `waitMs`
 *   refused    the shop understood and said no; `code` says why
 *
 * @typedef {"unreached" | "down" | "busy" | "refused"} TroubleKind
 */
export class Trouble extends Error {
  /**
   * @param {TroubleKind} kind
   * @param {{status?: number, code?: string, waitMs?: number | undefined, body?: unknown, cause?: unknown}} [details]
   */
  constructor(kind, { status = 0, code = kind, waitMs, body, cause } = {}) {
    super(`${kind}: ${code}`, { cause });
    this.kind = kind;
    this.status = status;
    this.code = code;
    this.waitMs = waitMs;
    /** The answer, where there was one. */
    this.body = body;
  }

  /** Whether what was asked for may have been done. Only a clear no says that it was not. */
  get mayHaveHappened() {
    return this.kind !== "refused" && this.status !== 429;
  }
}

/** @param {unknown} error @returns {Trouble} @throws what is no trouble of the shop's but a fault of this page */
export function troubleOf(error) {
  if (error instanceof Trouble) return error;
  throw error;
}
