import fc from "fast-check";
import { expect, it } from "vitest";
import { createRetryBudget } from "./retry-budget.ts";

it("what was saved can be spent at once, and no more", () => {
  const budget = createRetryBudget({ ratio: 0.1, capacity: 3 });
  expect(Array.from({ length: 5 }, () => budget.withdraw())).toEqual([true, true, true, false, false]);
});

it("ten calls pay for one extra attempt at a ratio of a tenth", () => {
  const left: number[] = [];
  const budget = createRetryBudget({ ratio: 0.1, capacity: 1, onTokens: (tokens) => left.push(tokens) });
  budget.withdraw();
  for (let call = 0; call < 9; call += 1) budget.deposit();
  expect(budget.withdraw()).toBe(false);
  budget.deposit();
  expect(budget.withdraw()).toBe(true);
  expect(left).toEqual([1, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 0]);
});

it("in whatever order calls and extra attempts come, the latter are at most the saved ones and a tenth of the calls", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (steps) => {
      const budget = createRetryBudget({ ratio: 0.1, capacity: 10 });
      let [calls, granted] = [0, 0];
      for (const isCall of steps) {
        if (isCall) {
          budget.deposit();
          calls += 1;
        } else if (budget.withdraw()) granted += 1;
      }
      expect(granted).toBeLessThanOrEqual(10 + calls * 0.1);
    }),
  );
});
