import { InvalidArgumentError } from "commander";
import { SquallError } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import type { Target } from "../target/target.ts";

/** Text for the help of an option that says how many replicas services have. */
export const replicasHelp = "replicas of services: catalog=3,payment=2; may be given several times";

/** More of one service are a slip of the finger, on a machine that carries the whole fleet. */
const mostReplicas = 32;

/** "3" -> 3. @throws {InvalidArgumentError} */
export function parseCount(given: string): number {
  const count = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (count >= 1 && count <= mostReplicas) return count;
  throw new InvalidArgumentError(`expected a number of replicas from 1 to ${mostReplicas}, got "${given}"`);
}

/** Collects `--replicas catalog=3,payment=2`, which may be given several times; the last one of a service counts. */
export function collectReplicas(
  given: string,
  earlier: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const counts = given.split(",").map((part) => {
    const [service = "", count, ...rest] = part.split("=").map((word) => word.trim());
    if (service === "" || count === undefined || rest.length > 0)
      throw new InvalidArgumentError(`expected service=count, got "${part}"`);
    return [service, parseCount(count)] as const;
  });
  return { ...earlier, ...Object.fromEntries(counts) };
}

/** @throws {SQUALL_USAGE} naming each service that the target does not have */
export function chooseReplicas(
  target: Target,
  given: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const services = Object.keys(target.services);
  const problems = Object.keys(given)
    .filter((service) => !services.includes(service))
    .map((service) => unknownName("service", service, services));
  if (problems.length > 0) throw new SquallError("SQUALL_USAGE", `--replicas: ${problems.join("; ")}`);
  return given;
}

/** @throws {SQUALL_USAGE} when the target has no such service */
export function requireService({ services }: Target, given: string): string {
  if (Object.hasOwn(services, given)) return given;
  throw new SquallError("SQUALL_USAGE", unknownName("service", given, Object.keys(services)));
}
