import type { Message } from "./message.ts";
import { templates } from "./templates/templates.ts";

/** A mail's words, as text and as the same in HTML. */
export interface Letter {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Writes to `name` what a message says. What users wrote (their name) and what comes from events is escaped in the HTML. */
export function letterOf(message: Message, name: string): Letter {
  const template = templates[message.type];
  const subject = template.subject(message);
  const greeting = `Dear ${name},`;
  const paragraphs = template.paragraphs(message);
  const items = message.items.map(({ productId, quantity }) => `${quantity} × ${productId}`);
  return {
    subject,
    text: [greeting, ...paragraphs, items.map((item) => `  ${item}`).join("\n"), "Your shop"]
      .filter((block) => block !== "")
      .join("\n\n")
      .concat("\n"),
    html: [
      "<!doctype html>",
      `<html lang="en"><head><meta charset="utf-8"><title>${escaped(subject)}</title></head><body>`,
      ...[greeting, ...paragraphs].map((paragraph) => `<p>${escaped(paragraph)}</p>`),
      ...(items.length === 0
        ? []
        : [`<ul>${items.map((item) => `<li>${escaped(item)}</li>`).join("")}</ul>`]),
      "<p>Your shop</p>",
      "</body></html>",
      "",
    ].join("\n"),
  };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
