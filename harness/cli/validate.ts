import { Command, Option } from "commander";
import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { SquallError, exitCodes } from "../base/errors.ts";
import { InvalidDocumentError, readYamlDocument } from "../base/yaml-document.ts";
import { exposedJourneys, type ExposedJourneys } from "../engine/exposed-journeys.ts";
import { blastRadius, type BlastRadius } from "../experiment/blast-radius.ts";
import { durationMsOf, experimentSchema } from "../experiment/experiment.ts";
import { describeBreach, hoursBreaches, limitBreaches } from "../experiment/limit-breach.ts";
import { loadTarget } from "../target/load-target.ts";
import { targetSchema } from "../target/target.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { experimentText } from "./experiment-text.ts";
import { radiusText } from "./radius-text.ts";
import { loadRunnableExperiment } from "./runnable-experiment.ts";

interface Validated extends Read {
  readonly file: string;
  readonly kind: "experiment" | "target" | "unknown";
}

/** What a file says, and what is wrong with it. */
interface Read {
  readonly problems: readonly {
    readonly line?: number | undefined;
    readonly path: string;
    readonly message: string;
  }[];
  /** For people. */
  readonly text: string;
  /** Of an experiment. */
  readonly reach?: { readonly blastRadius: BlastRadius; readonly journeys?: ExposedJourneys };
}

export function validateCommand({ host, exitWith }: CommandContext): Command {
  return new Command("validate")
    .description(
      "check experiments and targets: every problem with its line, and how far an experiment reaches",
    )
    .argument("[files...]", "experiments or targets, told apart by what is in them")
    .option("--json", "the outcome as JSON")
    .addOption(
      new Option("--schema <kind>", "print the JSON schema instead, for editors").choices([
        "experiment",
        "target",
      ]),
    )
    .addHelpText(
      "after",
      examples(
        "squall validate chaos/*.yaml",
        "squall validate target-system/target.yaml",
        "squall validate --schema experiment > experiment.schema.json",
      ),
    )
    .action((files: string[], options: { json?: true; schema?: "experiment" | "target" }) => {
      if (options.schema !== undefined) return printJson(host, jsonSchema(options.schema));
      if (files.length === 0)
        throw new SquallError("SQUALL_USAGE", "expected the files to check, got none", {
          hint: "squall validate chaos/*.yaml",
        });
      const outcomes = files.map((file) => validate(file, host.clock));
      if (outcomes.some(({ problems }) => problems.length > 0)) exitWith(exitCodes.invalid);
      if (options.json === true)
        return printJson(
          host,
          outcomes.map(({ file, kind, problems, reach }) => ({
            file,
            kind,
            valid: problems.length === 0,
            problems,
            ...reach,
          })),
        );
      const colors = colorsFor(host, host.stdout);
      for (const { problems, text } of outcomes)
        print(host.stdout, `${problems.length === 0 ? colors.green("✓") : colors.red("✗")} ${text}`);
    });
}

function jsonSchema(kind: "experiment" | "target"): unknown {
  const schema = kind === "experiment" ? experimentSchema() : targetSchema();
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

function validate(file: string, clock: Clock): Validated {
  let kind: Validated["kind"] = "unknown";
  try {
    kind = kindOf(file);
    return { file, kind, ...(kind === "target" ? readTarget(file) : readExperiment(file, clock)) };
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    const problems =
      error instanceof InvalidDocumentError ? error.problems : [{ path: "", message: error.message }];
    return { file, kind, problems, text: error.message };
  }
}

function readTarget(file: string): Read {
  const { name, services, outside, stores, invariants } = loadTarget(file);
  const count = (of: object, noun: string): string => `${Object.keys(of).length} ${noun}`;
  const text = `${file}: target ${name}: ${count(services, "services")}, ${count(outside, "parts outside")}, ${count(stores, "stores")}, ${invariants.length} invariants`;
  return { problems: [], text };
}

/** Whether it is the hour for it is not a matter of the file: that is told, and refused by who would begin now. */
function readExperiment(file: string, clock: Clock): Read {
  const { experiment, target } = loadRunnableExperiment(file);
  const radius = blastRadius(experiment, target);
  const journeys = exposedJourneys(experiment, target);
  const breaches = limitBreaches(radius, target.limits);
  const startMs = clock.nowMs();
  const closed = hoursBreaches({ startMs, endMs: startMs + durationMsOf(experiment.phases) }, target.limits);
  const [title, ...lines] = experimentText(experiment);
  const text = [
    ...lines,
    ...radiusText(radius, journeys, target.limits),
    ...breaches.map((breach) => `refused   beyond ${describeBreach(breach)}`),
    ...closed.map((breach) => `not now   ${describeBreach(breach)}`),
  ];
  return {
    problems: breaches.map(({ limit, allowed, given }) => ({
      path: `limits.${limit}`,
      message: `${allowed}, given ${given}`,
    })),
    text: [`${file}: ${title}`, ...text.map((line) => `    ${line}`)].join("\n"),
    reach: { blastRadius: radius, ...(journeys === undefined ? {} : { journeys }) },
  };
}

/** A target has services; all else is read as an experiment, so that its problems are told in an experiment's words. */
function kindOf(file: string): "experiment" | "target" {
  const { value } = readYamlDocument(file, "experiment");
  return typeof value === "object" && value !== null && "services" in value ? "target" : "experiment";
}
