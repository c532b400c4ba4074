import { expect, it } from "vitest";
import { UndoStack } from "./undo-stack.ts";

it("undoes everything at once, and what failed or hung is told and stays pending", async () => {
  const undone: string[] = [];
  const stack = new UndoStack();
  stack.push("hangs", () => new Promise(() => undefined));
  stack.push("fails", () => Promise.reject(new Error("refused")));
  stack.push("works", async () => void undone.push("works"));
  const failures = await stack.undoAll(50);
  expect(undone).toEqual(["works"]);
  expect(failures).toEqual([
    { what: "hangs", message: "not undone within 50 ms" },
    { what: "fails", message: "refused" },
  ]);
  expect(stack.pending).toEqual(["hangs", "fails"]);
});

it("undoing twice undoes once", async () => {
  let count = 0;
  const stack = new UndoStack();
  stack.push("fault", async () => void (count += 1));
  expect(await stack.undoAll(1_000)).toEqual([]);
  expect(await stack.undoAll(1_000)).toEqual([]);
  expect(await stack.undo("fault", 1_000)).toEqual([]);
  expect(count).toBe(1);
});
