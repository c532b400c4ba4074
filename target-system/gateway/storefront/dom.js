/**
 * Elements, made without ever reading text as markup: what a product or a user is called can do no harm.
 *
 * @import { Attributes, Child } from "./types.js"
 */

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...leaves(children));
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  element.append(...leaves(children));
  return element;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function")
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null)
      element.setAttribute(name, String(value));
  }
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
export function leaves(children) {
  return children.flatMap((child) => {
    if (child === false || child === null || child === undefined) return [];
    if (child instanceof Node || typeof child === "string") return [child];
    return typeof child === "number" ? [String(child)] : leaves(child);
  });
}

let lastId = 0;

/** An id for a label to name, or a pattern to be found by. @param {string} what */
export function newId(what) {
  lastId += 1;
  return `${what}-${lastId}`;
}
