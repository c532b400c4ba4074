import { InvalidArgumentError } from "commander";
import { SquallError } from "../base/errors.ts";
import { settingProblem } from "../experiment/experiment.ts";
import { settingsOf, type Target } from "../target/target.ts";

/** Collects `--set name=value`, which may be given several times; the last one of a name counts. */
export function collectSetting(
  given: string,
  earlier: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const match = /^([^=]+)=(.*)$/s.exec(given);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidArgumentError(`expected name=value, got "${given}"`);
  return { ...earlier, [match[1].trim()]: match[2].trim() };
}

/**
 * Value of every setting of a target: its default, unless chosen.
 * @throws {SQUALL_USAGE} listing each setting that the target does not have and each value that it does not allow
 */
export function chooseSettings(
  target: Target,
  chosen: Readonly<Record<string, string>>,
): Record<string, string> {
  const problems = Object.entries(chosen).flatMap(
    ([name, value]) => settingProblem(target.settings, name, value) ?? [],
  );
  if (problems.length > 0) throw new SquallError("SQUALL_USAGE", `--set: ${problems.join("; ")}`);
  return settingsOf(target, chosen);
}
