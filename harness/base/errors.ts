/**
 * Every error a user can cause, in one list. Anything thrown that is not a {@link SquallError} is a bug in Squall
 * and ends the program with exit code 6.
 */

/** The program's exit codes, by cause. */
export const exitCodes = {
  held: 0,
  deviated: 1,
  inconclusive: 2,
  invalid: 3,
  aborted: 4,
  notRecovered: 5,
  internal: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Code of each expected error, when it occurs, and the exit code it leads to. */
export const errorRegistry = {
  SQUALL_USAGE: { when: "the command line names something that does not exist", exit: exitCodes.invalid },
  SQUALL_FILE: { when: "a file is missing or cannot be read or written", exit: exitCodes.invalid },
  SQUALL_INVALID_DOCUMENT: {
    when: "an experiment, a target or a proxy configuration does not fit its schema",
    exit: exitCodes.invalid,
  },
  SQUALL_PREFLIGHT: { when: "a run was refused before anything was injected", exit: exitCodes.invalid },
  SQUALL_LIMITS: {
    when: "a run or a fault would go beyond the limits of its target",
    exit: exitCodes.invalid,
  },
  SQUALL_LOCKED: { when: "another run holds the fleet", exit: exitCodes.invalid },
  SQUALL_PORT_IN_USE: { when: "a fixed port is taken by another program", exit: exitCodes.invalid },
  SQUALL_NO_FLEET: { when: "a command needs a running fleet and none is up", exit: exitCodes.invalid },
  SQUALL_FLEET_START: { when: "a part of the fleet did not become ready", exit: exitCodes.invalid },
  SQUALL_UNSUPPORTED: { when: "this machine or runtime lacks what was asked for", exit: exitCodes.invalid },
  SQUALL_PROXY: { when: "the proxy refused a call or did not answer", exit: exitCodes.internal },
  SQUALL_DOCKER: { when: "Docker refused a call or stopped answering", exit: exitCodes.internal },
  SQUALL_LOAD: { when: "k6 ended in error while it was the load", exit: exitCodes.internal },
  SQUALL_UNDO: { when: "a fault could not be undone", exit: exitCodes.notRecovered },
  SQUALL_TIMEOUT: { when: "something awaited did not happen in time", exit: exitCodes.internal },
} as const satisfies Record<string, { readonly when: string; readonly exit: ExitCode }>;

export type ErrorCode = keyof typeof errorRegistry;

export interface SquallErrorDetails {
  /** What the reader can do about it: one line. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An expected error: says what was wrong, what was expected, what was given, and what to do. */
export class SquallError extends Error {
  override readonly name = "SquallError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: SquallErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }

  get exitCode(): ExitCode {
    return errorRegistry[this.code].exit;
  }
}

/** The message of anything thrown, for a line of text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error such as `ECONNREFUSED`, else `undefined`. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
