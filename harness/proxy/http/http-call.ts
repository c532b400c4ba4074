import type { Call } from "../call-fault.ts";
import type { RequestHead } from "./message-head.ts";

/** What can be asked of a request, read when it is asked for. */
export class HttpCall implements Call {
  readonly #head: RequestHead;
  readonly #route: string | undefined;
  #path: string | undefined;
  #baggage: ReadonlyMap<string, string> | undefined;

  /** @param route the template that stands for the path in the evidence; without one the path itself does */
  constructor(head: RequestHead, route?: string) {
    this.#head = head;
    this.#route = route;
  }

  get label(): string {
    return `${this.method} ${this.#route ?? this.path}`;
  }

  get method(): string {
    return this.#head.method;
  }

  /** Without query. */
  get path(): string {
    return (this.#path ??= pathOf(this.#head.target));
  }

  /** From `traceparent` (W3C Trace Context). */
  get traceId(): string | undefined {
    return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(this.header("traceparent") ?? "")?.[1];
  }

  /** @param name in lower case */
  header(name: string): string | undefined {
    return this.#head.headers.value(name);
  }

  /** Entries of `baggage` (W3C Baggage), percent-decoded. */
  get baggage(): ReadonlyMap<string, string> {
    return (this.#baggage ??= parseBaggage(this.header("baggage") ?? ""));
  }
}

/** "/orders?page=2", "http://order:8080/orders", "*", "order:443" */
function pathOf(target: string): string {
  const [path = ""] = target.split("?", 1);
  if (path.startsWith("/")) return path;
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/[^/]*(.*)$/i.exec(path)?.[1];
  return absolute === undefined ? path : absolute || "/";
}

function parseBaggage(list: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const member of list.split(",")) {
    const [entry = ""] = member.split(";", 1); // properties come behind it
    const equals = entry.indexOf("=");
    if (equals > 0) entries.set(entry.slice(0, equals).trim(), decode(entry.slice(equals + 1).trim()));
  }
  return entries;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no percent-encoding: it means itself
  }
}
