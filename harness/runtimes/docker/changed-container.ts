import type { Target } from "../../target/target.ts";
import { containerById, containerOf, type Stack, type StackContainer } from "./stack.ts";

/** The stack of a target. @param project of Compose, where not the one that the target names now. @throws {SQUALL_UNSUPPORTED} when there is no Docker to ask */
export type Stacks = (target: Target, project?: string) => Promise<Stack>;

/**
 * The container that was changed, if it is still there; else the one that took its place (`docker compose up` makes one anew).
 * @throws {SQUALL_NO_FLEET} when there is none
 */
export async function changedContainer(stack: Stack, process: string, id: string): Promise<StackContainer> {
  return (await containerById(stack, process, id)) ?? (await containerOf(stack, process));
}
