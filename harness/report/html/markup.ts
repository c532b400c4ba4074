import { printable } from "../printable.ts";

/**
 * Text that is safe to put into a page. Only the `markup` template makes it, and the template escapes all that is put
 * into it, so a string from a run can be shown anywhere between tags or between the quotes of an attribute, and can
 * start neither a tag nor a script.
 */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template takes: lists are joined, `undefined` and `false` leave nothing. */
export type MarkupValue = string | number | Markup | undefined | false | readonly MarkupValue[];

/** Puts values, escaped, into markup written by hand. Attributes must be quoted. */
export function markup(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  // Indentation of the source is not part of the page.
  const written = strings.map((text) => text.replace(/\s*\n\s*/g, "\n"));
  return new Markup(
    written.map((text, index) => (index === 0 ? text : render(values[index - 1]) + text)).join(""),
  );
}

/** A position or length in a drawing of any width: 0.25 -> "25%". */
export function percent(ratio: number): string {
  return `${Number((Math.min(1, Math.max(0, ratio)) * 100).toFixed(2))}%`;
}

function render(value: MarkupValue): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escape(value);
  return value.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

function escape(text: string): string {
  return printable(text).replace(/[&<>"'`]/g, (character) => entities[character] ?? "");
}
