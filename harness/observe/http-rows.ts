import { messageOf } from "../base/errors.ts";
import type { Row } from "../record/row.ts";
import { toRow } from "./row-cells.ts";

/**
 * The rows that a GET answers as a JSON array of objects.
 * @throws {Error} naming the URL, when the answer is anything else
 */
export async function readHttpRows(url: string, signal: AbortSignal): Promise<readonly Row[]> {
  let answered: unknown;
  try {
    const response = await fetch(url, { signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`expected status 200, got ${response.status}`);
    answered = JSON.parse(text);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : "";
    throw new Error(`${url}: ${messageOf(error)}${cause}`, { cause: error });
  }
  if (!Array.isArray(answered) || !answered.every(isObject))
    throw new Error(`${url}: expected a JSON array of objects`);
  return answered.map(toRow);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
