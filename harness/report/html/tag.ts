import type { OutcomeWord } from "../words.ts";
import { markup, type Markup } from "./markup.ts";

/** An outcome as a small pill: sign, word, colour. */
export function tag({ sign, word, tone }: OutcomeWord): Markup {
  return markup`<span class="tag ${tone}"><b aria-hidden="true">${sign}</b> ${word}</span>`;
}
