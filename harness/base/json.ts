/** What a text that may be JSON holds; `undefined` where it is none, which no JSON is. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as promised: whoever needs to say why parses it themselves
  }
}
