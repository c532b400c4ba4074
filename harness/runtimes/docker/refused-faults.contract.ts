import { describe, expect, test } from "vitest";
import type { Call, Service, Target } from "../../target/target.ts";
import { changeOf, type ProcessChange } from "../process-change.ts";
import type { dockerRuntime } from "./docker-runtime.ts";
import type { ToyStack } from "./toy-stack.fixture.ts";

/** What is refused before a run, and why: of a stack that is up, by the runtime that would do it. */
export function refusedFaultsContract(runtime: ReturnType<typeof dockerRuntime>, toy: () => ToyStack): void {
  describe("a fault that a container cannot be given", () => {
    /** The target, whose front has other calls. */
    function frontCalling(calls: (call: Call) => Service["calls"]): Target {
      const front = toy().target.services["front"];
      const call = front?.calls["back"];
      if (front === undefined || call === undefined) throw new Error("front calls nobody");
      return {
        ...toy().target,
        services: { ...toy().target.services, front: { ...front, calls: calls(call) } },
      };
    }

    const cases: readonly {
      readonly title: string;
      readonly change: "fillDisk" | "breakName" | "partition";
      readonly part: string;
      readonly wanted: unknown;
      readonly target?: () => Target;
      readonly message: string;
    }[] = [
      {
        title: "a full disk, without a mount",
        change: "fillDisk",
        part: "front",
        wanted: { leaveBytes: 0 },
        message: "front has no mount at all",
      },
      {
        title: "a full disk, of folders of the machine",
        change: "fillDisk",
        part: "proxy",
        wanted: { leaveBytes: 0 },
        message: "no bounded mount of proxy: /squall cannot be written to; /toy cannot be written to",
      },
      {
        title: "a full disk, in memory that has no size",
        change: "fillDisk",
        part: "back-db",
        wanted: { leaveBytes: 0, path: "/run" },
        message: "no bounded mount of back-db: /run is in memory, and has no size of its own",
      },
      {
        title: "a disk that has no more than is to be left",
        change: "fillDisk",
        part: "back",
        wanted: { leaveBytes: 9_000_000 },
        message: expect.stringMatching(
          /^\/data of back has 4.\d MB of 4.2 MB left, which is no more$/,
        ) as string,
      },
      {
        title: "a broken name, of a callee whose address it was not given",
        change: "breakName",
        part: "front",
        wanted: { name: "back" },
        target: () => frontCalling((call) => ({ back: { ...call, env: "NO_URL" } })),
        message: "nothing says by which name front knows back (NO_URL is no address)",
      },
      {
        title: "a broken name that is another's too",
        change: "breakName",
        part: "front",
        wanted: { name: "back" },
        target: () => frontCalling((call) => ({ back: call, receiver: call })),
        message: "front knows back by the name back.edges, and by that receiver too",
      },
      {
        title: "a partition from a peer, without tools",
        change: "partition",
        part: "back",
        wanted: { from: "front" },
        target: () => ({ ...toy().target, containers: { project: toy().project, foreign: {} } }),
        message: "the target names no image with tools for networks (containers: { tools: … })",
      },
      {
        title: "a partition from a peer, without the image of tools",
        change: "partition",
        part: "back",
        wanted: { from: "front" },
        target: () => ({
          ...toy().target,
          containers: { project: toy().project, foreign: {}, tools: "squall-docker-runtime-none" },
        }),
        message: "Docker does not have the image squall-docker-runtime-none yet",
      },
    ];

    test.each(cases)("$title", async ({ change: name, part, wanted, target, message }) => {
      const change = runtime[name] as ProcessChange<unknown>;
      await expect(change.before(target?.() ?? toy().target, part, wanted)).rejects.toMatchObject({
        code: "SQUALL_UNSUPPORTED",
        message,
      });
    });

    test("another clock, with the reason", () => {
      expect(() => changeOf(runtime, "skewClock", "clock-skew on back")).toThrow(
        expect.objectContaining({
          code: "SQUALL_UNSUPPORTED",
          message: expect.stringMatching(
            /^the docker runtime cannot skew a clock \(clock-skew on back\); it can kill, stop, .*break names$/,
          ) as string,
          hint: expect.stringContaining("docs/process-faults.md#clock-skew") as string,
        }) as Error,
      );
    });
  });
}
