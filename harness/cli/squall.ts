#!/usr/bin/env node
// The one file that sees the process. Nothing is imported before the version of Node is known to be right.
const oldestNode = 24;
const notRecovered = 5;
const internalError = 6;
/** For what was printed to get out. */
const lingerMs = 1_000;

if (Number(process.versions.node.split(".")[0]) < oldestNode) {
  process.stderr.write(
    `squall needs Node ${oldestNode} or newer, this is ${process.version}: run it as "npx squall" in its folder, which brings its own\n`,
  );
  process.exit(3);
}

// Node would end with 1, which means "deviated". Faults that are in place then end with their lease.
process.on("uncaughtException", (error) => {
  process.stderr.write(`a mistake in squall itself: ${error.stack ?? error.message}\n`);
  process.exit(internalError);
});
// Whoever reads the output may stop reading (`squall report latest | head`), or be gone: a run still ends in order.
for (const output of [process.stdout, process.stderr])
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });

const [{ main }, { systemClock }, { processRuntime }] = await Promise.all([
  import("./main.ts"),
  import("../base/clock.ts"),
  import("../runtimes/process/process-runtime.ts"),
]);

process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal(listener) {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, listener);
    return () => {
      for (const signal of signals) process.off(signal, listener);
    };
  },
  runtime: processRuntime(),
  clock: systemClock,
  async dockerRuntime() {
    const { dockerRuntime } = await import("../runtimes/docker/docker-runtime.ts");
    return dockerRuntime();
  },
});

// An undo that hung has been told of, and must not hold up the end.
if (process.exitCode === notRecovered) setTimeout(() => process.exit(), lingerMs).unref();

export {};
