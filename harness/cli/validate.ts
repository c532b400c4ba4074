import { Command, Option } from "commander";
import { z } from "zod";
import { SquallError, exitCodes } from "../base/errors.ts";
import { InvalidDocumentError, readYamlDocument } from "../base/yaml-document.ts";
import { experimentSchema } from "../experiment/experiment.ts";
import { loadTarget } from "../target/load-target.ts";
import { targetSchema } from "../target/target.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { experimentText } from "./experiment-text.ts";
import { loadRunnableExperiment } from "./runnable-experiment.ts";

interface Validated {
  readonly file: string;
  readonly kind: "experiment" | "target" | "unknown";
  readonly problems: readonly {
    readonly line?: number | undefined;
    readonly path: string;
    readonly message: string;
  }[];
  /** For people: what the file says, or what is wrong with it. */
  readonly text: string;
}

export function validateCommand({ host, exitWith }: CommandContext): Command {
  return new Command("validate")
    .description("check experiments and targets; names every problem with its line")
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
      const outcomes = files.map(validate);
      if (outcomes.some(({ problems }) => problems.length > 0)) exitWith(exitCodes.invalid);
      if (options.json === true)
        return printJson(
          host,
          outcomes.map(({ file, kind, problems }) => ({
            file,
            kind,
            valid: problems.length === 0,
            problems,
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

function validate(file: string): Validated {
  let kind: Validated["kind"] = "unknown";
  try {
    kind = kindOf(file);
    const text = kind === "target" ? describeTarget(file) : describeExperiment(file);
    return { file, kind, problems: [], text };
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    const problems =
      error instanceof InvalidDocumentError ? error.problems : [{ path: "", message: error.message }];
    return { file, kind, problems, text: error.message };
  }
}

function describeTarget(file: string): string {
  const { name, services, outside, stores, invariants } = loadTarget(file);
  const count = (of: object, noun: string): string => `${Object.keys(of).length} ${noun}`;
  return `${file}: target ${name}: ${count(services, "services")}, ${count(outside, "parts outside")}, ${count(stores, "stores")}, ${invariants.length} invariants`;
}

function describeExperiment(file: string): string {
  const [title, ...lines] = experimentText(loadRunnableExperiment(file).experiment);
  return [`${file}: ${title}`, ...lines.map((line) => `    ${line}`)].join("\n");
}

/** A target has services; all else is read as an experiment, so that its problems are told in an experiment's words. */
function kindOf(file: string): "experiment" | "target" {
  const { value } = readYamlDocument(file, "experiment");
  return typeof value === "object" && value !== null && "services" in value ? "target" : "experiment";
}
