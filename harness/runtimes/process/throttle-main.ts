import { parseArgs } from "node:util";
import { systemClock } from "../../base/clock.ts";
import { hold, resume } from "./held-still.ts";
import { isAlive } from "../process-identity.ts";
import { processorTimeMs } from "./processor-time.ts";
import { throttle, type ThrottleFigures } from "./throttle.ts";

/**
 * `throttle-main.ts --name NAME --pid PID --start-time TICKS --processors 0.2`: leaves a process so much, and tells whoever
 * started it what came of it, a message four times a second and one at the end. It ends with whoever started it, however that ended, on
 * SIGTERM, and with the process; and lets that go on first.
 */
const { values } = parseArgs({
  options: {
    name: { type: "string", default: "" },
    pid: { type: "string", default: "" },
    "start-time": { type: "string" },
    processors: { type: "string", default: "" },
  },
});
const victim = {
  name: values.name,
  role: "service" as const,
  pid: Number(values.pid),
  startTime: values["start-time"],
};
const over = new AbortController();
for (const event of ["SIGTERM", "SIGINT", "SIGHUP", "disconnect"] as const)
  process.once(event, () => over.abort(new Error(event)));

let figures: ThrottleFigures | undefined;
const tell = (): void => {
  if (process.connected && figures !== undefined) process.send?.(figures);
};
setInterval(tell, 250).unref();
await throttle(
  {
    usedMs: () => (isAlive(victim) ? processorTimeMs(victim.pid) : undefined),
    hold: () => void hold(victim),
    resume: () => resume(victim),
  },
  Number(values.processors),
  systemClock,
  over.signal,
  (told) => (figures = told),
);
tell();
if (process.connected) process.disconnect();
