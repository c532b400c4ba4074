/**
 * Keeps one thing for each function that makes one, which is its key: asked for with the same function, the same thing
 * comes back, typed.
 */
export type Keep = <T>(create: () => T) => T;

export function createKeep(): Keep {
  let kept: Map<() => unknown, unknown> | undefined;
  return <T>(create: () => T): T => {
    kept ??= new Map();
    if (!kept.has(create)) kept.set(create, create());
    return kept.get(create) as T;
  };
}
