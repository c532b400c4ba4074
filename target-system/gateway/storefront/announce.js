/** Says something in passing, to the eye and to a screen reader. @param {string} text */
export function announce(text) {
  const place = document.querySelector("#announcements");
  if (!(place instanceof HTMLElement)) throw new Error("the page has no place for announcements");
  place.textContent = text;
  place.classList.add("is-shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => place.classList.remove("is-shown"), 4_000);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;
