import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";

/**
 * Makes a file of line-delimited OTLP/JSON smaller, in place: members that have their default (0, an empty list, an
 * unset status) go, as protobuf's JSON mapping allows. Jaeger's query server refuses more than 20 MiB in one upload. A
 * line that is no JSON stays as it is, and so does a file that does not exist; a crash leaves the old file or the new one.
 * @throws {SQUALL_FILE} when the file cannot be written anew; it is then as it was
 */
export function packOtlp(file: string): void {
  const packed = `${file}.packed`;
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    const descriptor = openSync(packed, "w");
    try {
      lines.forEach((line, index) => writeSync(descriptor, (index === 0 ? "" : "\n") + packLine(line)));
    } finally {
      closeSync(descriptor);
    }
    renameSync(packed, file);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    rmSync(packed, { force: true });
    throw new SquallError("SQUALL_FILE", `cannot write ${file} anew: ${messageOf(error)}`, { cause: error });
  }
}

function packLine(line: string): string {
  try {
    return JSON.stringify(
      JSON.parse(line, (key, value: unknown) => (isDefault(key, value) ? undefined : value)),
    );
  } catch {
    return line; // what readers of the file leave out as well
  }
}

const counts = new Set(["droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"]);
const lists = new Set(["events", "links", "attributes"]);

function isDefault(key: string, value: unknown): boolean {
  if (counts.has(key)) return value === 0;
  if (lists.has(key)) return Array.isArray(value) && value.length === 0;
  // By then its own members have been looked at.
  if (key === "status") return typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return key === "code" && value === 0;
}
