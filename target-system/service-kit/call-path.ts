/**
 * Where a call goes: a route of the callee, as "/users/:id/cards", and what stands for its parameters. The route is what the
 * call is known by in a trace: a name that is the same for all users, and holds nothing of any.
 */
export interface CallPath {
  /** Each `:name` is filled from `params`; a query, already encoded, may follow. */
  readonly path: string;
  /** Encoded as they are filled in. */
  readonly params?: Readonly<Record<string, string>>;
}

/** "/users/:id/cards?page=2" -> "/users/:id/cards". */
export function routeOf({ path }: CallPath): string {
  const mark = path.indexOf("?");
  return mark === -1 ? path : path.slice(0, mark);
}

/** "/users/ada%20l/cards?page=2". @throws {TypeError} when a parameter is not given */
export function filledPath(call: CallPath): string {
  const { path, params = {} } = call;
  const route = routeOf(call);
  if (!route.includes(":")) return path;
  const filled = route.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`${route}: expected a parameter ${name}`);
    return encodeURIComponent(value);
  });
  return filled + path.slice(route.length);
}
