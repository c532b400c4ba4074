import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { start } from "./child-process.ts";

/** What a run of wrk saw: a closed loop, each connection asks again once it is answered. */
export interface LoadFigures {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const tell = `local asked = 0
function init(arguments)
  if #arguments == 0 then return end
  local connections, pauseMs = tonumber(arguments[1]), tonumber(arguments[2])
  math.randomseed(connections)
  delay = function()
    asked = asked + 1
    if asked <= connections then return math.random(0, 20) end
    return pauseMs + math.random(0, 4)
  end
end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nFIGURES {"requests":%d,"durationUs":%d,"p50Us":%.1f,"p99Us":%.1f,"failed":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`;

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationS: number;
  /**
   * How long a connection waits before it asks again, in milliseconds, give or take a little; the connections then begin
   * spread over 20 ms, so that they do not all ask at once. Absent: it does not wait.
   */
  readonly pauseMs?: number;
}

/** @param folder where wrk's script is kept */
export function createLoad(wrk: string, folder: string) {
  const script = join(folder, "tell.lua");
  writeFileSync(script, tell);
  /** @throws when a request failed */
  return async ({ port, connections, durationS, pauseMs }: LoadOptions): Promise<LoadFigures> => {
    const arguments_ = ["-t1", `-c${connections}`, `-d${durationS}s`, "-s", script];
    const paced = pauseMs === undefined ? [] : ["--", `${connections}`, `${pauseMs}`];
    const child = await start([wrk, ...arguments_, `http://127.0.0.1:${port}/`, ...paced], { reads: true });
    const exit = once(child.process, "exit");
    const output = child.process.stdout ? await text(child.process.stdout) : "";
    await exit;
    const figures = /FIGURES (.*)/.exec(output)?.[1];
    if (figures === undefined) throw new Error(`wrk told nothing:\n${output}`);
    const { requests, durationUs, p50Us, p99Us, failed } = JSON.parse(figures) as Record<string, number> & {
      requests: number;
      durationUs: number;
      p50Us: number;
      p99Us: number;
    };
    if (failed !== 0 || requests === 0) throw new Error(`wrk: ${failed} of ${requests} requests failed`);
    return { requests, perSecond: requests / (durationUs / 1e6), p50Ms: p50Us / 1e3, p99Ms: p99Us / 1e3 };
  };
}
