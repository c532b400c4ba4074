/** Keeps one processor busy until its parent is gone. */
import { setImmediate as turn } from "node:timers/promises";

process.on("disconnect", () => process.exit());
for (;;) {
  const untilMs = performance.now() + 50;
  while (performance.now() < untilMs);
  await turn();
}
