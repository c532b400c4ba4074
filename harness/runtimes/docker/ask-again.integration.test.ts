import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock, type Clock } from "../../base/clock.ts";
import { askAgain } from "./ask-again.ts";
import { startSaidEngine } from "./said-engine.fixture.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-ask-again-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Answer = readonly [status: number, message: string];

const unfrozen: Answer = [
  500,
  "Cannot pause container c: OCI runtime pause failed: unable to freeze: unknown",
];
const locked: Answer = [
  500,
  "driver failed programming external connectivity on endpoint c: (iptables failed: iptables -t nat -A POSTROUTING: Another app is currently holding the xtables lock. Perhaps you want to use the -w option?",
];
const done: Answer = [204, ""];
const never = new AbortController().signal;
let engines = 0;

/** An engine that gives these answers in turn, the last for ever; asked to pause until that is done or refused. */
async function pause(answers: readonly Answer[], { signal = never, clock = systemClock } = {}) {
  let asked = 0;
  const socket = join(folder, `${(engines += 1)}.sock`);
  await using engine = await startSaidEngine(socket, (_, response) => {
    const [status, message] = answers[Math.min(asked, answers.length - 1)] ?? done;
    asked += 1;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(status === 204 ? undefined : JSON.stringify({ message }));
  });
  const container = new Docker({ socketPath: engine.socket }).getContainer("c");
  const refused = await askAgain("pause c", () => container.pause(), { signal, clock, fine: [304] }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { asked, refused };
}

test.each([
  ["a cgroup that did not freeze", [unfrozen, unfrozen, done], 3],
  ["iptables that somebody else changes", [locked, done], 2],
  ["one and then the other", [locked, unfrozen, done], 3],
  ["what is so already", [unfrozen, [304, ""]], 2],
] satisfies readonly (readonly [string, readonly Answer[], number])[])(
  "%s is asked for again, until it is done",
  async (_, answers, times) => {
    expect(await pause(answers)).toEqual({ asked: times, refused: undefined });
  },
);

test.each([
  ["another error of the engine's", [500, "Cannot pause container c: cgroups not configured for container"]],
  ["a refusal that is no error of the engine's", [409, "unable to freeze: Container c is not running"]],
] satisfies readonly (readonly [string, Answer])[])("%s is refused at once", async (_, answer) => {
  expect(await pause([answer, done])).toMatchObject({ asked: 1, refused: { code: "SQUALL_DOCKER" } });
});

test("whoever is to stop asking does, with the reason", async () => {
  const halt = new AbortController();
  setImmediate(() => halt.abort(new Error("no more")));
  expect(await pause([unfrozen], { signal: halt.signal })).toMatchObject({ refused: { message: "no more" } });
});

test("what is never done is refused with what was said last, after 5 s", async () => {
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (durationMs) => Promise.resolve(void (nowMs += durationMs)),
  };
  const { asked, refused } = await pause([locked, unfrozen], { clock });
  expect({ asked, nowMs }).toEqual({ asked: 51, nowMs: 5_000 });
  expect(refused).toMatchObject({
    code: "SQUALL_DOCKER",
    message: expect.stringMatching(/^Docker could not pause c: .*unable to freeze/) as string,
  });
});
