import { expect, it } from "vitest";
import { waitAtMost, waitFor } from "./wait.ts";

it("returns what the probe found, and takes a probe that throws for not yet", async () => {
  let calls = 0;
  const found = await waitFor({ what: "the third call", withinMs: 5_000, everyMs: 1 }, () => {
    calls += 1;
    if (calls < 3) throw new Error("not there");
    return "there";
  });
  expect(found).toBe("there");
});

it("says what was awaited and the last error when the deadline passes", async () => {
  const waiting = waitFor({ what: "the door to open", withinMs: 20, everyMs: 1 }, () => {
    throw new Error("locked");
  });
  await expect(waiting).rejects.toThrow("waited 20 ms for: the door to open (last error: locked)");
});

it("stops with the signal's reason", async () => {
  const reason = new Error("enough");
  await expect(
    waitFor({ what: "nothing", withinMs: 60_000, signal: AbortSignal.abort(reason) }, () => false),
  ).rejects.toBe(reason);
});

it("can end with the deadline without an error, but not hide that it was stopped", async () => {
  expect(await waitAtMost({ what: "nothing", withinMs: 5, everyMs: 1 }, () => false)).toBeUndefined();
  expect(await waitAtMost({ what: "this", withinMs: 5 }, () => "there")).toBe("there");
  const reason = new Error("enough");
  await expect(
    waitAtMost({ what: "nothing", withinMs: 60_000, signal: AbortSignal.abort(reason) }, () => false),
  ).rejects.toBe(reason);
});
