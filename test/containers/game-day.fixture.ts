import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { waitFor } from "../../harness/base/wait.ts";

/**
 * A page whose commands are typed as they stand in it. A block of `sh` is a command, a block of `text` what it or the terminal
 * before has said; a comment says what the reader is told in words:
 *
 *   <!-- in a terminal of its own: NAME -->   the next command goes on while others are typed
 *   <!-- wait in NAME for: WORDS -->
 *   <!-- Ctrl-C in: NAME -->                  what it then says is in the next block
 *   <!-- until it says so -->                 the next command is typed again until it says what the next block does
 *   <!-- skipped: WHY -->                     the next command is not typed
 */
export type Step =
  | { readonly kind: "wait"; readonly terminal: string; readonly words: string }
  | { readonly kind: "interrupt"; readonly terminal: string; readonly shown: readonly string[] }
  | { readonly kind: "open"; readonly terminal: string; readonly command: string }
  | {
      readonly kind: "type";
      readonly command: string;
      readonly isRepeated: boolean;
      readonly shown: readonly string[] | undefined;
    };

/** What it takes a page to be typed here: for each word of it, what it is here; and variables for its commands. */
export interface Here {
  readonly words: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

const repository = resolve(import.meta.dirname, "../..");
const saidWithinMs = 60_000;
const endsWithinMs = 150_000;

/** @throws {Error} naming a comment or a block that is none of the above */
export function readPage(page: string): readonly Step[] {
  const steps: Step[] = [];
  let comment = "";
  for (const [, said, language = "", block = ""] of page.matchAll(
    /^<!-- ([^]*?) -->$|^```(\w+)\n([^]*?)^```$/gm,
  )) {
    if (said !== undefined) {
      comment = said;
      const [, terminal = "", words = ""] = /^wait in (\w+) for: (.+)$/.exec(said) ?? [];
      if (words !== "") steps.push({ kind: "wait", terminal, words });
      const [, interrupted] = /^Ctrl-C in: (\w+)$/.exec(said) ?? [];
      if (interrupted !== undefined) steps.push({ kind: "interrupt", terminal: interrupted, shown: [] });
      continue;
    }
    const last = steps.at(-1);
    if (language === "sh") {
      const [, terminal] = /^in a terminal of its own: (\w+)$/.exec(comment) ?? [];
      if (terminal !== undefined) steps.push({ kind: "open", terminal, command: block });
      else if (!comment.startsWith("skipped: "))
        steps.push({
          kind: "type",
          command: block,
          isRepeated: comment === "until it says so",
          shown: undefined,
        });
    } else if (language === "text" && last !== undefined && "shown" in last)
      steps.splice(-1, 1, { ...last, shown: block.trimEnd().split("\n") });
    else if (language !== "markdown") throw new Error(`a block of ${language} after nothing that says it`);
    comment = "";
  }
  return steps;
}

/** Whether something was said as a page shows it, but for numbers; `…` stands for what the page leaves out. */
export function isSaid(shown: readonly string[], output: string): boolean {
  const escaped = shown
    .map((line) => (line.trim() === "…" ? "…\n" : `${masked(line).replaceAll("…", "[^\n]*")}\n`))
    .join("")
    .replaceAll("…\n", "[^]*");
  return new RegExp(`^${escaped}$`).test(`${output.trimEnd().split("\n").map(plain).join("\n")}\n`);
}

/** Without numbers and their units, and with one space for many. */
function plain(line: string): string {
  return line
    .trim()
    .replaceAll(/\d[\d.,]*( ?(µs|ms|s|min|h|%|[KMG]?B)\b)?/g, "#")
    .replaceAll(/(# )+#/g, "#") // "4 min 32 s" is as good as "12 s"
    .replaceAll(/\s+/g, " ");
}

function masked(line: string): string {
  return plain(line).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** Types the commands of a page, in a folder that has all of the repository but what runs leave behind. */
export async function typePage(page: string, { words, env }: Here): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "squall-game-day-"));
  const terminals = new Map<string, Terminal>();
  try {
    for (const name of ["chaos", "dashboards", "docs", "load", "target-system"])
      symlinkSync(join(repository, name), join(folder, name));
    const environment = {
      ...process.env,
      ...env,
      NO_COLOR: "1",
      COMPOSE_FILE: join(repository, "docker-compose.yml"),
      PATH: `${programs(folder)}:${process.env["PATH"]}`,
    };
    const open = (command: string): Terminal => {
      const typed = Object.entries(words).reduce(
        (text, [word, here]) => text.replaceAll(word, here),
        command,
      );
      return new Terminal(typed, folder, environment);
    };
    for (const step of readPage(page)) await take(step, open, terminals);
  } finally {
    for (const terminal of terminals.values()) terminal.kill();
    rmSync(folder, { recursive: true });
  }
}

async function take(
  step: Step,
  open: (command: string) => Terminal,
  terminals: Map<string, Terminal>,
): Promise<void> {
  const named = (name: string): Terminal => {
    const terminal = terminals.get(name);
    if (terminal === undefined) throw new Error(`the page opens no terminal ${name}`);
    return terminal;
  };
  switch (step.kind) {
    case "open":
      return void terminals.set(step.terminal, open(step.command));
    case "wait":
      return named(step.terminal).hasSaid(step.words);
    case "interrupt":
      return requireSaid(step.shown, await named(step.terminal).interrupt());
    case "type": {
      const { command, shown, isRepeated } = step;
      if (!isRepeated || shown === undefined)
        return requireSaid(shown ?? ["…"], await open(command).output());
      let output = "";
      try {
        await waitFor({ what: shown.join("\n"), withinMs: saidWithinMs, everyMs: 500 }, async () => {
          output = await open(command).output();
          return isSaid(shown, output);
        });
      } catch (error) {
        throw new Error(`${command}says at last\n${output}`, { cause: error });
      }
    }
  }
}

function requireSaid(shown: readonly string[], output: string): void {
  if (!isSaid(shown, output)) throw new Error(`the page shows\n${shown.join("\n")}\n\nit was\n${output}`);
}

/** What the page calls `docker` and `npx squall`: this machine has Compose without a docker, and npx is slow to start. */
function programs(folder: string): string {
  const scripts = {
    docker: 'shift; exec "$DOCKER_COMPOSE" "$@"',
    npx: `shift; exec "${process.execPath}" "${join(repository, "harness/cli/squall.ts")}" "$@"`,
    node: `exec "${process.execPath}" "$@"`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

class Terminal {
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #ended: Promise<[code: number | null]>;
  #output = "";
  #errors = "";

  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.#command = command;
    // In a group of its own, as a terminal's command is: Ctrl-C reaches all of it.
    const child = spawn("bash", ["-eu", "-o", "pipefail", "-c", command], {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#ended = once(child, "close") as Promise<[number | null]>;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
  }

  /** @throws {Error} when the command fails */
  async output(): Promise<string> {
    const timer = setTimeout(() => this.kill(), endsWithinMs);
    const [code] = await this.#ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${this.#command}ended with ${code}: ${this.#errors}${this.#output}`);
    return this.#output;
  }

  /** @throws {Error} when it has not, in time or before it ended */
  async hasSaid(words: string): Promise<void> {
    const said = (): string => this.#errors + this.#output;
    await waitFor(
      { what: words, withinMs: saidWithinMs },
      () => said().includes(words) || this.#child.exitCode !== null,
    );
    if (!said().includes(words)) throw new Error(`${this.#command}ended before "${words}": ${said()}`);
  }

  /** As Ctrl-C does. @returns what it has put out when it has ended */
  async interrupt(): Promise<string> {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGINT");
    const [code] = await this.#ended;
    if (code !== 130) throw new Error(`${this.#command}ended with ${code} after Ctrl-C: ${this.#errors}`);
    return this.#output;
  }

  kill(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
  }
}
