import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { SquallError, messageOf } from "../base/errors.ts";
import { unknownName } from "../base/nearest.ts";
import type { LoadPlan } from "./driver.ts";
import type { Journey } from "./journey.ts";

/**
 * A module of journeys, as the driver takes it up: it exports `journeys`, functions by their names, and may export
 * `users`, how many virtual users there are to draw from.
 */
export interface TakenModule {
  readonly journeys: Readonly<Record<string, Journey>>;
  /** What was asked for, with all that the module decides: a mix of at least one journey, and users. */
  readonly plan: LoadPlan;
}

/**
 * Loads the journeys of a plan.
 * @throws {SQUALL_FILE} when the module cannot be loaded
 * @throws {SQUALL_INVALID_DOCUMENT} when a data file of its has a row of another form
 * @throws {SQUALL_PREFLIGHT} when it exports no journeys, or lacks one of the mix, or a number of users that is none
 */
export async function loadJourneys(asked: LoadPlan): Promise<TakenModule> {
  const { journeys, users } = await importModule(asked.journeysModule);
  const file = relative(".", asked.journeysModule);
  const refuse = (problem: string): never => {
    throw new SquallError("SQUALL_PREFLIGHT", `${file}: ${problem}`, {
      hint: "it exports `journeys`, an object of functions by name: see docs/journeys.md",
    });
  };
  if (!isJourneys(journeys)) return refuse("expected it to export `journeys`, functions by their names");
  const names = Object.keys(journeys);
  const missing = Object.keys(asked.mix).filter((name) => !Object.hasOwn(journeys, name));
  if (missing.length > 0) refuse(missing.map((name) => unknownName("journey", name, names)).join("; "));
  if (users !== undefined && !(Number.isSafeInteger(users) && Number(users) > 0))
    refuse(`expected \`users\` to be a whole number above 0, got ${JSON.stringify(users)}`);
  const mix =
    Object.keys(asked.mix).length > 0 ? asked.mix : Object.fromEntries(names.map((name) => [name, 1]));
  const ofModule = users === undefined ? {} : { users: { kind: "drawn" as const, of: Number(users) } };
  return { journeys, plan: { ...ofModule, ...asked, mix } };
}

async function importModule(
  file: string,
): Promise<{ readonly journeys?: unknown; readonly users?: unknown }> {
  try {
    return (await import(pathToFileURL(file).href)) as object;
  } catch (error) {
    if (error instanceof SquallError) throw error;
    throw new SquallError("SQUALL_FILE", `cannot load the journeys of ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function isJourneys(value: unknown): value is Readonly<Record<string, Journey>> {
  if (typeof value !== "object" || value === null) return false;
  const members = Object.values(value);
  return members.length > 0 && members.every((member) => typeof member === "function");
}
