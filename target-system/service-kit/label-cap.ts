/** A label's values where others decide what they are: the first ones as they come, and `other` for all that come later. */
export function createLabelCap(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.size < most) known.add(value);
    return known.has(value) ? value : "other";
  };
}
