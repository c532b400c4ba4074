/** The watchdog's process: knows every runtime, and watches over a run of one (harness/engine/watchdog.ts). */
import { serveWatchdog } from "../engine/watchdog-child.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";

serveWatchdog((name) => {
  if (name === "process") return processRuntime();
  throw new Error(`the watchdog knows no runtime ${name}`);
});
