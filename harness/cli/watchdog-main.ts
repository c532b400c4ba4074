/** The watchdog's process: knows every runtime, and watches over a run of one (harness/engine/watchdog.ts). */
import { serveWatchdog } from "../engine/watchdog-child.ts";
import { processRuntime } from "../runtimes/process/process-runtime.ts";

serveWatchdog(async (name) => {
  switch (name) {
    case "process":
      return processRuntime();
    case "docker": {
      const { dockerRuntime } = await import("../runtimes/docker/docker-runtime.ts");
      return dockerRuntime();
    }
  }
});
