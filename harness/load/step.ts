import { messageOf } from "../base/errors.ts";
import { jsonIn } from "../base/json.ts";
import type { Exchange } from "./http/client.ts";
import { endingOfStatus, endingWithoutAnswer, type Ending } from "./ending.ts";
import type { Answer, RequestOptions, Told } from "./journey.ts";

/**
 * One step of a journey, apart from its times: what it asks for as it goes to the server, and what the answer means.
 *
 *   RequestOptions ─requestContent→ body, headers ─client→ Exchange ─readAnswer→ Ending, Answer ─tell→ Told
 */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The body that is sent, and the headers with the content type that goes with it; names in lower case. */
export function requestContent({ body, headers = {} }: Pick<RequestOptions, "body" | "headers">): {
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (body === undefined) return { headers: given };
  if (typeof body === "string")
    return { body, headers: { "content-type": "text/plain;charset=utf-8", ...given } };
  if (body instanceof URLSearchParams)
    return {
      body: body.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded;charset=utf-8", ...given },
    };
  return { body: JSON.stringify(body), headers: { "content-type": "application/json", ...given } };
}

/** What an exchange means for its step: how it ended, and the answer, if there is one of the form asked for. */
export function readAnswer<T>(
  exchange: Exchange,
  { expect, answer }: RequestOptions<T>,
): { readonly ending: Ending; readonly answer?: Answer<T> } {
  if (exchange.kind !== "answered") return { ending: endingWithoutAnswer(exchange) };
  const { status, headers, text } = exchange;
  const json = text === "" ? undefined : jsonIn(text);
  const ending = endingOfStatus(status, expect, json);
  // Without a form asked for, T is unknown.
  if (answer === undefined) return { ending, answer: { status, headers, text, body: json as T } };
  const parsed = answer.safeParse(json);
  if (parsed.success) return { ending, answer: { status, headers, text, body: parsed.data } };
  if (ending.completion !== "ok") return { ending };
  return { ending: { completion: "unknown", error: { kind: "check", message: formOf(parsed.error) } } };
}

/** What the client was told; an error of the journey's own code must not cost the line of an operation that was made. */
export function tell<T>(
  answer: Answer<T> | undefined,
  { told }: RequestOptions<T>,
): { readonly told?: Told | undefined; readonly problem?: Error } {
  try {
    return { told: answer && told?.(answer) };
  } catch (error) {
    return { problem: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}

function formOf({
  issues,
}: {
  readonly issues: readonly { path: PropertyKey[]; message: string }[];
}): string {
  const listed = issues.map(({ path, message }) => `${path.map(String).join(".") || "answer"}: ${message}`);
  return `an answer of another form: ${listed.join("; ")}`;
}
