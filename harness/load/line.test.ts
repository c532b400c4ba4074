import fc from "fast-check";
import { expect, it } from "vitest";
import { Line, type Place } from "./line.ts";

it("holds those who came and have not left, in the order in which they came", () => {
  const steps = fc.array(
    fc.oneof(
      fc.constant({ kind: "join" as const }),
      fc.constant({ kind: "shift" as const }),
      fc.record({ kind: fc.constant("leave" as const), who: fc.nat() }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (taken) => {
      const line = new Line<number>();
      const places: Place<number>[] = [];
      let expected: number[] = [];
      for (const step of taken) {
        if (step.kind === "join") {
          expected.push(places.length);
          places.push(line.join(places.length));
        } else if (step.kind === "shift") {
          expect(line.shift()).toBe(expected.shift());
        } else if (places.length > 0) {
          const who = step.who % places.length;
          line.leave(places[who] as Place<number>);
          expected = expected.filter((other) => other !== who);
        }
        expect([...line]).toEqual(expected);
        expect(line.first()).toBe(expected[0]);
        expect(line.length).toBe(expected.length);
      }
    }),
  );
});
