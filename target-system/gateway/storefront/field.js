import { h, newId } from "./dom.js";

/**
 * A labelled input.
 * @param {string} label
 * @param {import("./types.js").Attributes & {readonly hint?: string}} attributes of the input
 */
export function field(label, { hint, ...attributes }) {
  const id = newId("field");
  const input = h("input", {
    id,
    required: true,
    maxlength: 200,
    ...attributes,
    ...(hint !== undefined && { "aria-describedby": `${id}-hint` }),
  });
  return {
    input,
    value: () => input.value.trim(),
    element: h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      input,
      hint !== undefined && h("span", { class: "soft small", id: `${id}-hint` }, hint),
    ),
  };
}

/**
 * A choice of yes and no, or one of several of the same name.
 * @param {"checkbox" | "radio"} type
 * @param {import("./types.js").Child} label
 * @param {import("./types.js").Attributes} attributes
 */
export function choice(type, label, attributes) {
  const input = h("input", { type, ...attributes });
  return { input, element: h("label", { class: "choice" }, input, h("span", {}, label)) };
}
