import type { ContainerInspectInfo } from "dockerode";
import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import type { ChangeRecord, Nothing, ProcessChange } from "../process-change.ts";
import { askAgain } from "./ask-again.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import { offPeer } from "./off-peer.ts";
import { containerOf } from "./stack.ts";
import { runningBefore } from "./start-again.ts";

/** A container's place on a network, as far as somebody chose it; what Docker chose, it chooses anew. */
const placeSchema = z.object({
  network: z.string(),
  aliases: z.array(z.string()),
  links: z.array(z.string()),
  driverOptions: z.record(z.string(), z.string()),
  /** Addresses that were asked for; Docker keeps others for nobody. */
  ipam: z.record(z.string(), z.unknown()),
});
const beforeSchema = z.object({ project: z.string(), container: z.string(), places: z.array(placeSchema) });

/** Of whoever is on the network already, or off it: told as a conflict by some versions of Docker, as forbidden by others. */
const isSoAlready = [403, 409];

interface PartitionWanted {
  readonly from?: string | undefined;
}

/** A container is off all its networks, or it and one peer lose what they send each other (off-peer.ts). */
export function partition(stacks: Stacks): ProcessChange<PartitionWanted> {
  const all = offNetworks(stacks);
  const one = offPeer(stacks);
  return {
    how: all.how,
    howFor: ({ from }) => (from === undefined ? all.how : one.how),
    before: (target, process, { from }) =>
      from === undefined ? all.before(target, process, {}) : one.before(target, process, { from }),
    make: (target, process, { from }, signal) =>
      from === undefined
        ? all.make(target, process, {}, signal)
        : one.make(target, process, { from }, signal),
    evidence: (target, process, before) =>
      isOfPeer(before)
        ? one.evidence(target, process, before)
        : Promise.resolve({ bit: true, detail: `${process} was off its networks` }),
    takeBack: (target, process, before, signal) =>
      (isOfPeer(before) ? one : all).takeBack(target, process, before, signal),
  };
}

function isOfPeer(before: ChangeRecord): boolean {
  return "from" in before;
}

/** A container is taken off all its networks, and put back under its names. Its published ports go and come with them. */
function offNetworks(stacks: Stacks): ProcessChange<Nothing> {
  return {
    how: "off its networks (docker network disconnect)",
    async before(target, process) {
      const before = await runningBefore(stacks, target, process);
      const { info } = await containerOf(await stacks(target), process);
      const places = Object.values(info.NetworkSettings.Networks).map((place) => placeOf(place, info.Id));
      if (places.length === 0 || ["host", "none"].includes(info.HostConfig.NetworkMode ?? ""))
        throw new SquallError(
          "SQUALL_UNSUPPORTED",
          `${process} is on no network of its own that it could lose`,
        );
      return { ...before, places };
    },
    async make(target, process, _, signal) {
      const stack = await stacks(target);
      const { id, info } = await containerOf(stack, process);
      for (const { NetworkID: network } of Object.values(info.NetworkSettings.Networks)) {
        signal.throwIfAborted();
        const gone = stack.docker.getNetwork(network).disconnect({ Container: id, Force: true });
        await ask(`take ${process} off a network`, gone, isSoAlready);
      }
    },
    async takeBack(target, process, record, signal) {
      const before = beforeSchema.parse(record);
      const stack = await stacks(target, before.project);
      const { id, info } = await changedContainer(stack, process, before.container);
      const there = new Set(
        Object.values(info.NetworkSettings.Networks).map(({ NetworkID: network }) => network),
      );
      for (const { network, aliases, links, driverOptions, ipam } of before.places) {
        if (there.has(network)) continue;
        const place = { Aliases: aliases, Links: links, DriverOpts: driverOptions, IPAMConfig: ipam };
        const join = (): Promise<unknown> =>
          stack.docker.getNetwork(network).connect({ Container: id, EndpointConfig: place });
        await askAgain(`put ${process} back on its network`, join, { signal, fine: isSoAlready });
      }
      if (info.State.Running) await untilReady(stack, process, signal);
    },
  };
}

type Place = ContainerInspectInfo["NetworkSettings"]["Networks"][string];

const givenSchema = z.object({
  Aliases: z.array(z.string()).nullish(),
  Links: z.array(z.string()).nullish(),
  DriverOpts: z.record(z.string(), z.string()).nullish(),
  IPAMConfig: z.record(z.string(), z.unknown()).nullish(),
});

function placeOf(place: Place, container: string): z.output<typeof placeSchema> {
  const given = givenSchema.parse(place);
  return {
    network: place.NetworkID,
    // Docker gives the short id itself.
    aliases: (given.Aliases ?? []).filter((alias) => !container.startsWith(alias)),
    links: given.Links ?? [],
    driverOptions: given.DriverOpts ?? {},
    ipam: given.IPAMConfig ?? {},
  };
}
