import { SquallError } from "../base/errors.ts";
import { formatDuration, formatRatio } from "../base/units.ts";
import { closedAt, formatMoment } from "../target/hours.ts";
import type { Limits } from "../target/limits.ts";
import type { Target } from "../target/target.ts";
import type { BlastRadius } from "./blast-radius.ts";

/** A limit of the target that would be gone beyond: which one, what it allows, and what was asked for. */
export interface LimitBreach {
  /** As `target.yaml` has it. */
  readonly limit: "never" | "max-services" | "max-share" | "max-duration" | "hours";
  readonly allowed: string;
  readonly given: string;
}

/** When something shall be broken, epoch milliseconds. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

type Checked = Pick<BlastRadius, "services" | "largestShareRatio" | "faults">;

/**
 * Every limit that a blast radius goes beyond, whenever it is.
 * @param told what a fault is called, by its place and kind
 */
export function limitBreaches(
  radius: Checked,
  limits: Limits,
  told = (index: number, kind: string): string => `${kind} (faults[${index}])`,
): readonly LimitBreach[] {
  const { never, maxServices, maxShareRatio, maxDurationMs } = limits;
  const { services, largestShareRatio, faults } = radius;
  return [
    ...never.flatMap((name) =>
      faults.flatMap(({ kind, names }, index): readonly LimitBreach[] =>
        names.includes(name)
          ? [{ limit: "never", allowed: `no fault may touch ${name}`, given: told(index, kind) }]
          : [],
      ),
    ),
    ...(maxServices !== undefined && services.length > maxServices
      ? [
          {
            limit: "max-services" as const,
            allowed: `at most ${maxServices}`,
            given: `${services.length}: ${services.join(", ")}`,
          },
        ]
      : []),
    ...(maxShareRatio !== undefined && largestShareRatio > maxShareRatio
      ? [
          {
            limit: "max-share" as const,
            allowed: `at most ${formatRatio(maxShareRatio)}`,
            given: formatRatio(largestShareRatio),
          },
        ]
      : []),
    ...faults.flatMap(({ kind, lengthMs }, index): readonly LimitBreach[] =>
      maxDurationMs !== undefined && lengthMs > maxDurationMs
        ? [
            {
              limit: "max-duration",
              allowed: `at most ${formatDuration(maxDurationMs)}`,
              given: `${formatDuration(lengthMs)} of ${told(index, kind)}`,
            },
          ]
        : [],
    ),
  ];
}

/** What the hours say of a time; nothing when all of it is within them. */
export function hoursBreaches(span: Span, { hours }: Limits): readonly LimitBreach[] {
  const [first] = hours;
  const closedMs = first && closedAt(hours, span);
  if (first === undefined || closedMs === undefined) return [];
  const closed = formatMoment(closedMs, first.timeZone);
  return [
    {
      limit: "hours",
      allowed: hours.map(({ text }) => text).join(" or "),
      given: closedMs === span.startMs ? `now, ${closed}` : `a time that goes on past ${closed}`,
    },
  ];
}

/** "max-services: at most 1, given 2: order, payment" */
export function describeBreach({ limit, allowed, given }: LimitBreach): string {
  return `${limit}: ${allowed}, given ${given}`;
}

/**
 * @param what goes beyond them: "chaos/x.yaml"
 * @param hint what can be done beside changing what is asked for, or the limits
 * @throws {SQUALL_LIMITS} naming every breach, when there is one
 */
export function requireNoBreach(
  breaches: readonly LimitBreach[],
  { what, target, hint }: { readonly what: string; readonly target: Target; readonly hint?: string },
): void {
  if (breaches.length === 0) return;
  throw new SquallError(
    "SQUALL_LIMITS",
    [
      `${what} goes beyond the limits of ${target.name}; nothing was injected`,
      ...breaches.map((breach) => `  ${describeBreach(breach)}`),
    ].join("\n"),
    { hint: hint ?? `the limits are set in ${target.file}` },
  );
}
