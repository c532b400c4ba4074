import { expect, it } from "vitest";
import { Lanes } from "./lanes.ts";

function held(): {
  readonly work: () => Promise<void>;
  readonly finish: () => void;
  readonly hasBegun: () => boolean;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = false;
  return {
    work: () => {
      begun = true;
      return promise;
    },
    finish: resolve,
    hasBegun: () => begun,
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("runs as many at once as it has lanes, the others in the order they came, and refuses one too many", async () => {
  const lanes = new Lanes({ atOnce: 2, waiting: 2 });
  const works = [held(), held(), held(), held()];
  const runs = works.map(({ work }) => lanes.run(work));
  await expect(lanes.run(held().work)).rejects.toMatchObject({ status: 503, code: "busy" });
  const begun = (): boolean[] => works.map(({ hasBegun }) => hasBegun());
  expect(begun()).toEqual([true, true, false, false]);
  works[1]?.finish();
  await settled();
  expect(begun()).toEqual([true, true, true, false]);
  for (const { finish } of works) finish();
  await Promise.all(runs);
  expect(begun()).toEqual([true, true, true, true]);
});

it("work that fails gives its lane free", async () => {
  const lanes = new Lanes({ atOnce: 1, waiting: 0 });
  await expect(lanes.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(lanes.run(() => Promise.resolve("yes"))).resolves.toBe("yes");
});
