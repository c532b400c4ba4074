import pc from "picocolors";
import { hasColor, type Host, type Output } from "./host.ts";

/** What every command is given: the host, and a way to say how it ended. */
export interface CommandContext {
  readonly host: Host;
  /** The exit code, unless the command throws. @default 0 */
  readonly exitWith: (code: number) => void;
}

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(host: Host, output: Output): Colors {
  return pc.createColors(hasColor(host, output));
}

/** Writes lines to an output. */
export function print(output: Output, ...lines: readonly string[]): void {
  output.write(lines.map((line) => `${line}\n`).join(""));
}

/** Writes one JSON document to stdout. */
export function printJson(host: Host, value: unknown): void {
  print(host.stdout, JSON.stringify(value, undefined, 2));
}

/** The lines of `--help` that show a command at work. */
export function examples(...lines: readonly string[]): string {
  return ["", "Examples:", ...lines.map((line) => `  $ ${line}`)].join("\n");
}
