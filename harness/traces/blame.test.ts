import { expect, test } from "vitest";
import { blame } from "./blame.ts";
import { prepareTrace, type PreparedTrace } from "./prepared-trace.ts";
import { shopPorts, shopTraces, type ShopTraces } from "./shop-traces.fixture.ts";
import { createTrace } from "./trace.ts";

function shop(options: ShopTraces): readonly PreparedTrace[] {
  return [...shopTraces(options)].map((spans) =>
    prepareTrace(createTrace(spans[0]?.traceId ?? "", spans, "gateway"), shopPorts),
  );
}
const r = [];
let n = 0;
test("x", () => {
  for (let i = 0; i < 60; i++) {
    const b = blame(shop({ seed: `a${i}`, traces: 600 }), shop({ seed: `b${i}`, traces: 1000 }));
    if (b.blamed.length) console.log(i, JSON.stringify(b.blamed));
  }
  for (const edge of shopPorts.values())
    for (const f of [{ addedMs: 100 }, { failing: 0.3 }]) {
      let ok = 0;
      for (let i = 0; i < 10; i++) {
        const b = blame(
          shop({ seed: `a${i}`, traces: 600 }),
          shop({ seed: `b${i}`, traces: 1000, fault: { edge, ...f } }),
        );
        if (b.blamed[0]?.place === edge) ok++;
        else console.log(edge, f, JSON.stringify(b.blamed), b.growth, b.untested);
      }
      console.log(edge, f, ok);
    }
  const b = blame(shop({ seed: `a`, traces: 600 }), shop({ seed: `b`, traces: 1000, slowdown: 2 }));
  console.log(JSON.stringify(b));
}, 100000);
