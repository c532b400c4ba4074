import { mostOfOne } from "./basket.js";
import { h, newId } from "./dom.js";

/**
 * How many of a product: a number that can be typed, and stepped with two buttons.
 * @param {{label: string, value: number, most?: number, isLabelHidden?: boolean, onChange?: (value: number) => void}} options
 */
export function quantityField({ label, value, most = mostOfOne, isLabelHidden = false, onChange }) {
  const id = newId("quantity");
  const input = h("input", {
    id,
    type: "number",
    min: 1,
    max: most,
    value,
    required: true,
    inputmode: "numeric",
  });
  const read = () => Math.min(most, Math.max(1, Math.round(Number(input.value)) || 1));
  /** @param {number} next */
  const set = (next) => {
    input.value = String(Math.min(most, Math.max(1, next)));
    onChange?.(read());
  };
  input.addEventListener("change", () => set(read()));
  /** @param {string} text @param {string} what @param {number} by */
  const step = (text, what, by) =>
    h("button", { type: "button", class: "step", "aria-label": what, onclick: () => set(read() + by) }, text);
  return {
    value: read,
    element: h(
      "div",
      { class: "quantity" },
      h("label", { for: id, class: isLabelHidden && "hidden" }, label),
      h("div", { class: "stepper" }, step("−", "One less", -1), input, step("+", "One more", 1)),
    ),
  };
}
