import type { Experiment } from "../experiment/experiment.ts";
import { mixOf, type Target } from "../target/target.ts";

/** The journeys that a name in an experiment stands for: those of a mix, or of all that a k6 script does, or one. */
export function journeysNamed(
  { load }: Pick<Experiment, "load">,
  target: Target,
): (name: string) => ReadonlySet<string> {
  switch (load.engine) {
    case "squall":
      return (name) => new Set(Object.keys(mixOf(target, name) ?? {}));
    case "k6":
      return (name) => new Set(name === load.journey ? [name, ...load.journeys] : [name]);
  }
}
