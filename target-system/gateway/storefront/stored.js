/**
 * What this browser keeps between visits, as JSON. Where it keeps nothing (storage is full, or switched off) a visit works
 * all the same, and is forgotten with the page.
 *
 * @template T
 * @param {string} name
 * @param {T} empty what there is before anything was kept, or when what was kept cannot be read
 */
export function stored(name, empty) {
  const key = `shop.${name}`;
  /** @type {T} */
  let unkept = empty;
  let isKept = true;
  return {
    key,
    /** @returns {T} */
    read() {
      if (!isKept) return unkept;
      try {
        const text = localStorage.getItem(key);
        return text === null ? empty : /** @type {T} */ (JSON.parse(text));
      } catch {
        return empty;
      }
    },
    /** @param {T} value */
    write(value) {
      try {
        if (value === undefined || value === null) localStorage.removeItem(key);
        else localStorage.setItem(key, JSON.stringify(value));
        isKept = true;
      } catch {
        unkept = value;
        isKept = false;
      }
    },
    /** Tells of changes that another tab made. @param {() => void} listener @param {AbortSignal} [signal] */
    onChangeElsewhere(listener, signal) {
      const heard = (/** @type {StorageEvent} */ event) => {
        if (event.key === key || event.key === null) listener();
      };
      addEventListener("storage", heard, signal && { signal });
    },
  };
}
