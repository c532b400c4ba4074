const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** @param {number} cents */
export function money(cents) {
  return euros.format(cents / 100);
}

/** To the second. @param {string} at */
export function moment(at) {
  return moments.format(new Date(at));
}

/** @param {string} at */
export function day(at) {
  return days.format(new Date(at));
}

/** @param {string} text */
export function capitalized(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/** A wait, as people say it: "9 s", "2 min 5 s". @param {number} waitMs */
export function duration(waitMs) {
  const seconds = Math.ceil(waitMs / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
}
