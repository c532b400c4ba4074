import { InvalidArgumentError } from "commander";

export const jaegerHelp =
  "base URL of the Jaeger that has the run's traces: the report links each of them there";

/** What `--jaeger` takes: the address of Jaeger's UI, without a slash at its end, a name or a password. */
export function jaegerUrl(given: string): string {
  const url = URL.parse(given);
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isWeb || url.search !== "" || url.hash !== "")
    throw new InvalidArgumentError(`expected a URL such as "http://localhost:16686", got "${given}"`);
  // A report is sent around.
  if (url.username !== "" || url.password !== "")
    throw new InvalidArgumentError(
      "expected a URL without a name and a password: the report would show them",
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
