import { expect, it } from "vitest";
import { Bell } from "./bell.ts";

const never = 2 ** 30;

it("a ring wakes who waits, and one that nobody heard wakes the next to wait, once", async () => {
  const bell = new Bell();
  const waiting = bell.wait(never);
  bell.ring();
  expect(await waiting).toBe(true);
  bell.ring();
  bell.ring();
  await bell.wait(never);
  const again = bell.wait(never).then(() => "woken");
  expect(await Promise.race([again, new Promise((resolve) => setImmediate(resolve, "asleep"))])).toBe(
    "asleep",
  );
  bell.ring();
  expect(await again).toBe("woken");
});

it("nobody waits longer than asked", async () => {
  expect(await new Bell().wait(1)).toBe(false);
});
