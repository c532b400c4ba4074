import { afterAll, beforeAll, expect, test } from "vitest";
import { engineSocket } from "../../../scripts/docker-engine.ts";
import { waitFor } from "../../base/wait.ts";
import { callProxy } from "../edge-upstreams.ts";
import type { Fleet } from "../runtime.ts";
import { dockerRuntime } from "./docker-runtime.ts";
import { projectLabel } from "./stack.ts";
import { startToyStack, type ToyStack } from "./toy-stack.fixture.ts";

const runtime = dockerRuntime({ socketPath: engineSocket() });
/** Of another process, which has nothing but what stands there. */
const another = dockerRuntime({ socketPath: engineSocket() });
const options = { signal: new AbortController().signal };
let toy: ToyStack;
let fleet: Fleet;
beforeAll(async () => {
  toy = await startToyStack({ name: "replicas", hasStore: false });
  const attached = await runtime.attach(toy.target);
  if (attached === undefined) throw new Error("no stack is up");
  fleet = attached;
});
afterAll(() => toy[Symbol.asyncDispose]());

/** What front gets of back, through the proxy, each time by a connection of its own. */
async function statusOfBack(): Promise<number> {
  return (await fetch(`${fleet.entry}/back`, { signal: AbortSignal.timeout(5_000) })).status;
}

async function ledTo(): Promise<readonly string[]> {
  const { upstreams } = await callProxy(fleet.proxyApi, "GET", "front->back");
  return upstreams.map(({ address }) => address);
}

async function containers(): Promise<readonly string[]> {
  const filters = { label: [`${projectLabel}=${toy.project}`] };
  return (await toy.docker.listContainers({ all: true, filters }))
    .flatMap(({ Names: names }) => names)
    .sort();
}

async function statesOfBack() {
  const listed = (await runtime.listReplicas(toy.target)).find(({ service }) => service === "back");
  return listed?.replicas.map(({ name, state }) => `${name} ${state}`);
}

test("copies of a container take its calls, also alone, and are gone without a trace afterwards", async () => {
  const [before, led] = [await containers(), await ledTo()];
  const more = await runtime.scale(toy.target, "back", 3, options);
  expect(more).toEqual({ before: 1, after: 3, started: ["back-2", "back-3"], stopped: [] });
  expect(await statesOfBack()).toEqual(["back up", "back-2 up", "back-3 up"]);
  expect(await ledTo()).toEqual([...led, `${toy.project}-back-2:3000`, `${toy.project}-back-3:3000`]);
  const copy = toy.docker.getContainer(`${toy.project}-back-2`);
  const [its, original] = [await copy.inspect(), await toy.container("back").inspect()];
  expect([its.Image, its.HostConfig.Memory, its.HostConfig.Tmpfs, its.Config.Cmd]).toEqual([
    original.Image,
    original.HostConfig.Memory,
    original.HostConfig.Tmpfs,
    original.Config.Cmd,
  ]);
  expect(its.Config.Env).toContain("OTEL_RESOURCE_ATTRIBUTES=service.instance.id=back-2");

  await toy.container("back").kill();
  await waitFor({ what: "the dead one to be called no more", withinMs: 20_000 }, async () =>
    (await statesOfBack())?.includes("back dead"),
  );
  const statuses = await Promise.all(Array.from({ length: 10 }, statusOfBack));
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
  await waitFor({ what: "ten answers", withinMs: 10_000 }, async () =>
    (await Promise.all(Array.from({ length: 10 }, statusOfBack))).every((status) => status === 200),
  );
  await toy.container("back").start();

  const fewer = await another.scale(toy.target, "back", 1, options);
  expect(fewer).toEqual({ before: 3, after: 1, started: [], stopped: ["back-3", "back-2"] });
  expect([await containers(), await ledTo()]).toEqual([before, led]);
  await waitFor({ what: "back", withinMs: 10_000 }, async () => (await statusOfBack()) === 200);
});

test("what a change that was killed left half done is put right by the next", async () => {
  const [before, led] = [await containers(), await ledTo()];
  await runtime.scale(toy.target, "back", 2, options);
  await toy.docker.getContainer(`${toy.project}-back-2`).kill();
  await another.scale(toy.target, "back", 1, options);
  expect([await containers(), await ledTo()]).toEqual([before, led]);
});

test("a container is restarted while a copy takes its calls", async () => {
  const before = await containers();
  const { State: state } = await toy.container("back").inspect();
  const change = await runtime.restart(toy.target, "back", options);
  expect(change).toMatchObject({ before: 1, after: 1, started: ["back-2", "back"] });
  expect((await toy.container("back").inspect()).State.StartedAt).not.toBe(state.StartedAt);
  expect(await containers()).toEqual(before);
  expect(await statusOfBack()).toBe(200);
});

test("a copy that does not become ready is removed, and the others are as before", async () => {
  const [before, led] = [await containers(), await ledTo()];
  const given = new AbortController();
  const scaling = runtime.scale(toy.target, "back", 2, { signal: given.signal });
  await waitFor({ what: "the copy", withinMs: 10_000, everyMs: 5 }, async () =>
    (await containers()).some((name) => name.endsWith("back-2")),
  );
  given.abort(new Error("given up"));
  await expect(scaling).rejects.toThrow("given up");
  expect([await containers(), await ledTo()]).toEqual([before, led]);
});
