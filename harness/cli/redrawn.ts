import { print } from "./command-context.ts";
import type { Output } from "./host.ts";

/** A few lines at the end of a terminal that are redrawn in place; what is said meanwhile scrolls by above them. */
export interface Redrawn extends Disposable {
  /** Each line must be narrower than the terminal, so that it takes one row. */
  draw(lines: readonly string[]): void;
  /** A line that stays. */
  say(text: string): void;
  /** Erases the lines; what is drawn later is not shown. */
  [Symbol.dispose](): void;
}

export function redrawn(output: Output): Redrawn {
  let drawn: readonly string[] = [];
  let isOver = false;
  const erase = (): void => {
    if (drawn.length > 0) output.write(`\x1b[${drawn.length}A\x1b[J`);
  };
  const draw = (lines: readonly string[]): void => {
    if (isOver) return;
    erase();
    print(output, ...lines);
    drawn = lines;
  };
  return {
    draw,
    say(text) {
      const lines = drawn;
      erase();
      drawn = [];
      print(output, text);
      if (lines.length > 0) draw(lines);
    },
    [Symbol.dispose]() {
      erase();
      drawn = [];
      isOver = true;
    },
  };
}

/** The text, cut off with an ellipsis where it is longer than `width` characters. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}
