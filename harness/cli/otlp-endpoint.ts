import { InvalidArgumentError } from "commander";
import { tracesUrl } from "../observe/span-forward.ts";

export const forwardHelp = "also send every span to this OTLP/HTTP endpoint, such as a Jaeger's";

/** The URL of an OTLP endpoint's traces. */
export function otlpEndpoint(given: string): string {
  const url = tracesUrl(given);
  if (url === undefined)
    throw new InvalidArgumentError(`expected an OTLP endpoint such as http://127.0.0.1:4318, got "${given}"`);
  return url;
}
