import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import type { Target } from "../target/target.ts";
import { changeNameSchema, type ChangeName } from "../record/change-name.ts";
import {
  canChange,
  changeOf,
  type ChangeEvidence,
  type ChangeRecord,
  type ProcessChanges,
  type Wanted,
} from "./process-change.ts";
import type { Runtime } from "./runtime.ts";

/**
 * What every runtime's changes of processes do, and how they are taken back: one suite for all of them. It asks the toy that
 * is changed (fixtures/service.ts), by its answers alone: a runtime may keep its processes on another machine.
 */
export interface Contract {
  readonly runtime: Runtime & Partial<ProcessChanges>;
  /** Another one, which has changed nothing: as of another process of Squall. */
  readonly another: Runtime & Partial<ProcessChanges>;
  /** Its fleet is up before the first test: a front that calls a back, which has a store. */
  target(): Target;
  /**
   * Asks a service, past the proxies.
   * @throws when it does not answer 200 with JSON within that time, by default in 2 s
   */
  ask(service: string, path: string, withinMs?: number): Promise<unknown>;
  /** How a service or store is, as far as a change may touch it: the same after taking it back as before. */
  state(part: string): Promise<unknown>;
  /** Which service or store is changed. @default "back" */
  readonly subjects?: Partial<Readonly<Record<ChangeName, string>>>;
  /** What is wanted. @default {@link usual} */
  readonly wanted?: Partial<Wanted>;
  /** In which words it tells that a change was felt. @default any */
  readonly evidence?: Partial<Readonly<Record<ChangeName, RegExp>>>;
}

const usual: Wanted = {
  kill: {},
  stop: { withinMs: 5_000 },
  pause: {},
  limitCpu: { processors: 0.05 },
  limitMemory: { bytes: 96_000_000 },
  partition: {},
  fillDisk: { leaveBytes: 0 },
  breakName: { name: "back" },
  skewClock: { offsetMs: 3_600_000 },
};

/** After these it is another process, which remembers nothing. */
const ends: readonly ChangeName[] = ["kill", "stop", "skewClock"];
const never = new AbortController().signal;

interface Life {
  /** Another one in each process. */
  readonly id: string;
  /** Of a timer that it has, every 10 ms. */
  readonly ticks: number;
  readonly atMs: number;
}

export function processChangeContract(name: string, contract: Contract): void {
  const { runtime, another } = contract;
  const target = (): Target => contract.target();
  const ask = (service: string, path: string, withinMs?: number): Promise<unknown> =>
    contract.ask(service, path, withinMs);
  const life = (service: string, withinMs?: number) => ask(service, "/life", withinMs) as Promise<Life>;

  /** One change, with what is wanted of it. */
  function changeFor<C extends ChangeName>(
    change: C,
    wanted: Wanted[C] = contract.wanted?.[change] ?? usual[change],
  ) {
    if (!canChange(runtime, change) || !canChange(another, change)) throw new Error(`cannot ${change}`);
    const [own, others]: readonly Pick<ProcessChanges, C>[] = [runtime, another];
    if (own === undefined || others === undefined) throw new Error("two runtimes are needed");
    const part = contract.subjects?.[change] ?? "back";
    return {
      part,
      /** Whose answers tell of it: a store is asked by the service that it belongs to. */
      witness: target().services[part] === undefined ? "back" : part,
      before: () => own[change].before(target(), part, wanted),
      make: (signal = never) => own[change].make(target(), part, wanted, signal),
      evidence: (before: ChangeRecord) => own[change].evidence?.(target(), part, before),
      takeBack: (before: ChangeRecord) => own[change].takeBack(target(), part, before, never),
      takeBackByAnother: (before: ChangeRecord) => others[change].takeBack(target(), part, before, never),
    };
  }

  describe(`${name}: changes of processes`, () => {
    const pending: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const undo of pending.splice(0)) await undo();
    });

    /** Made, and taken back after the test if that does not. */
    async function made<C extends ChangeName>(change: C, wanted?: Wanted[C]) {
      const one = changeFor(change, wanted);
      const before = await one.before();
      pending.push(() => one.takeBack(before));
      await one.make();
      return { ...one, known: before };
    }

    const able = changeNameSchema.options.filter((change) => canChange(runtime, change));
    const unable = changeNameSchema.options.filter((change) => !canChange(runtime, change));

    test(`what this runtime cannot do is refused, with what it can: ${unable.join(", ") || "nothing"}`, () => {
      for (const change of unable)
        expect(() => changeOf(runtime, change)).toThrow(
          expect.objectContaining({
            code: "SQUALL_UNSUPPORTED",
            message: expect.stringMatching(/^the \w+ runtime cannot .+; it can kill, stop/) as string,
          }) as Error,
        );
    });

    /** Waits until a change tells that it was felt. */
    async function felt(change: ChangeName, tells: () => Promise<ChangeEvidence> | undefined): Promise<void> {
      const evidence = await waitFor({ what: `evidence of ${change}`, withinMs: 5_000 }, async () => {
        const told = await tells();
        return told?.bit === true && told;
      });
      expect(evidence.detail).toMatch(contract.evidence?.[change] ?? /./);
    }

    /** Waits until the back has been asked what takes it its time. */
    async function untilAsked(): Promise<void> {
      await waitFor({ what: "the back to be asked", withinMs: 5_000 }, async () => {
        const { slow } = (await ask("back", "/under-way")) as { readonly slow: number };
        return slow > 0;
      });
    }

    /** What only some runtimes can; those which cannot refuse it (above). */
    function testIfAble(change: ChangeName, title: string, body: () => Promise<void>): void {
      if (canChange(runtime, change)) test(title, body);
    }

    describe.each(able)("%s", (change) => {
      test("is taken back by another, once and once more: it is ready, and has what it had", async () => {
        const { witness, part } = changeFor(change);
        const first = await life(witness);
        const whole = await contract.state(part);
        const { known, takeBackByAnother } = await made(change);
        await takeBackByAnother(JSON.parse(JSON.stringify(known)) as ChangeRecord);
        expect(await contract.state(part)).toEqual(whole);
        const second = await life(witness);
        expect(second.id === first.id).toBe(!ends.includes(change) || witness !== changeFor(change).part);
        await takeBackByAnother(known);
        expect((await life(witness)).id).toBe(second.id);
        expect(await contract.state(part)).toEqual(whole);
        expect(await ask(witness, "/ready")).toBeDefined();
      });

      test("is taken back though it was never made, and changes nothing", async () => {
        const { before, takeBack, witness } = changeFor(change);
        const first = await life(witness);
        await takeBack(await before());
        expect((await life(witness)).id).toBe(first.id);
      });

      test.each([0, 20])("that is cut off after %i ms is taken back", async (afterMs) => {
        const { before, make, takeBack, witness } = changeFor(change);
        const known = await before();
        const cut = new AbortController();
        const making = make(cut.signal).catch((error: unknown) => {
          if (!cut.signal.aborted) throw error;
        });
        await delay(afterMs);
        cut.abort(new Error("cut off"));
        await making;
        await takeBack(known);
        const { id } = await life(witness);
        // And nothing of it comes later.
        await delay(100);
        expect((await life(witness)).id).toBe(id);
      });

      test("needs a process: one that nobody has is refused", async () => {
        if (!canChange(runtime, change)) throw new Error(`cannot ${change}`);
        const wanted = { ...usual[change] } as never;
        await expect(runtime[change].before(target(), "nobody", wanted)).rejects.toMatchObject({
          code: "SQUALL_NO_FLEET",
        });
      });
    });

    testIfAble("kill", "what is killed leaves its callers without an answer", async () => {
      const slow = expect(ask("back", "/slow?ms=5000", 10_000)).rejects.toThrow();
      await untilAsked();
      await made("kill");
      await slow;
      await expect(life("back")).rejects.toThrow();
    });

    testIfAble("stop", "what is stopped answers first what it was asked", async () => {
      const slow = ask("back", "/slow?ms=1000", 10_000);
      await untilAsked();
      await made("stop");
      expect(await slow).toEqual({});
      await expect(life("back")).rejects.toThrow();
    });

    testIfAble(
      "stop",
      "what is stopped by one who is cut off, and still answers, is taken back for good",
      async () => {
        const first = await life("back");
        await ask("back", "/linger?ms=1500");
        const { before, make, takeBack } = changeFor("stop");
        const known = await before();
        const cut = new AbortController();
        const making = expect(make(cut.signal)).rejects.toThrow();
        await delay(100);
        cut.abort(new Error("cut off"));
        await making;
        expect((await life("back")).id).toBe(first.id);
        await takeBack(known);
        const { id } = await life("back");
        expect(id).not.toBe(first.id);
        await delay(1_600); // when it would have ended
        expect((await life("back")).id).toBe(id);
      },
    );

    testIfAble(
      "pause",
      "what is paused does nothing and answers nobody, and answers those who waited when it is resumed",
      async () => {
        const startedMs = performance.now();
        const first = await life("back");
        const { known, takeBack, evidence } = await made("pause");
        const waiting = life("back", 20_000);
        await expect(life("back", 600)).rejects.toThrow();
        expect(await evidence(known)).toMatchObject({ bit: true });
        await takeBack(known);
        const then = await waiting;
        expect(then.id).toBe(first.id);
        // A timer of 10 ms has nothing of the 600 ms that it was held, however long all of it took; it fires a little early.
        const passedMs = performance.now() - startedMs;
        expect((then.ticks - first.ticks) * 9.5).toBeLessThan(passedMs - 550);
      },
    );

    testIfAble(
      "pause",
      "a store that is paused keeps its caller waiting, on new connections and on those it has",
      async () => {
        if (!canChange(runtime, "pause")) throw new Error("cannot pause");
        expect(await ask("back", "/kept")).toEqual({ one: 1 });
        const before = await runtime.pause.before(target(), "back-db", {});
        pending.push(() => runtime.pause.takeBack(target(), "back-db", before, never));
        await runtime.pause.make(target(), "back-db", {}, never);
        const waiting = Promise.all([ask("back", "/database", 20_000), ask("back", "/kept", 20_000)]);
        const paths = ["/database", "/kept"];
        await Promise.all(paths.map((path) => expect(ask("back", path, 400)).rejects.toThrow()));
        await runtime.pause.takeBack(target(), "back-db", before, never);
        expect(await waiting).toMatchObject([{ name: "back-db" }, { one: 1 }]);
      },
    );

    testIfAble(
      "limitCpu",
      "a service that is short of processors gets about what it is left, and all that it wants afterwards",
      async () => {
        // So little that a busy machine, too, has more to give.
        const busy = async (): Promise<number> =>
          ((await ask("back", "/busy?ms=1000", 30_000)) as { readonly processors: number }).processors;
        const { known, takeBack, evidence } = await made("limitCpu");
        const share = await busy();
        expect(share).toBeLessThan(0.15);
        await felt("limitCpu", () => evidence(known));
        await takeBack(known);
        await waitFor({ what: "more of it", withinMs: 20_000 }, async () => (await busy()) > share);
      },
    );

    testIfAble("limitCpu", "an idle service does not feel that it is short", async () => {
      // Far above what its timers take, also on a slow machine.
      const { known, evidence } = await made("limitCpu", { processors: 0.5 });
      await delay(300);
      expect(await evidence(known)).toMatchObject({ bit: false });
    });

    testIfAble(
      "limitMemory",
      "a service that takes more memory than it is left is ended by the kernel, which is told",
      async () => {
        const { known, evidence } = await made("limitMemory");
        await expect(ask("back", "/grow?bytes=300000000", 20_000)).rejects.toThrow();
        await felt("limitMemory", () => evidence(known));
      },
    );

    testIfAble("partition", "one that is cut off is reached by nobody", async () => {
      await made("partition");
      await expect(ask("front", "/back")).rejects.toThrow();
    });

    testIfAble("partition", "one that is cut off from a peer is not reached by that", async () => {
      const { known, evidence, takeBack } = await made("partition", { from: "front" });
      await expect(ask("front", "/back", 5_000)).rejects.toThrow();
      expect(await ask("back", "/life")).toBeDefined();
      await felt("partition", () => evidence(known));
      await takeBack(known);
      await ask("front", "/back");
    });

    testIfAble(
      "fillDisk",
      "what is to be written to a full disk is refused, until that is taken back",
      async () => {
        const { known, evidence, takeBack } = await made("fillDisk");
        expect(await ask("back", "/write?bytes=100000")).toEqual({ code: "ENOSPC" });
        await felt("fillDisk", () => evidence(known));
        await takeBack(known);
        expect(await ask("back", "/write?bytes=100000")).toEqual({ code: "written" });
      },
    );

    testIfAble(
      "breakName",
      "a callee whose name leads nowhere is not reached, until that is taken back",
      async () => {
        const { known, evidence, takeBack } = await made("breakName");
        await expect(ask("front", "/back", 5_000)).rejects.toThrow();
        await felt("breakName", () => evidence(known));
        await takeBack(known);
        await ask("front", "/back");
      },
    );

    testIfAble("skewClock", "one whose clock is skewed sees another time", async () => {
      await made("skewClock");
      expect((await life("back")).atMs).toBeGreaterThan(Date.now() + 3_000_000);
    });
  });
}
