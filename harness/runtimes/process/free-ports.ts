import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { SquallError, systemErrorCode } from "../../base/errors.ts";

/**
 * Below the range from which systems take the ports of outgoing connections. A port from within that range could be
 * taken while its owner is down (a restarted service, a proxy that was switched off), and never be had back.
 */
const firstPort = 12_000;
const endPort = 32_000;
const maxTries = 1_000;

/**
 * Hands out ports that are free on the loopback interface, none twice: not by another picker either, of this process or of
 * another, for as long as the process lives that has drawn them. Between its draw and its use a port can be taken by other
 * programs alone, which {@link takenOf} tells.
 */
export interface PortPicker {
  /** @throws {SQUALL_UNSUPPORTED} when none is to be found */
  pick(): Promise<number>;
  /**
   * Takes one certain port.
   * @param field where it was asked for, for the error: "services.gateway.ports.http"
   * @param withinMs how long to wait for it: threads of a process that is gone hold its port a moment longer. @default 0
   * @throws {SQUALL_PORT_IN_USE}
   */
  claim(port: number, field: string, withinMs?: number): Promise<number>;
}

/** @param known never handed out, even if nobody listens there just now. @default none */
export function createPortPicker(host: string, known: Iterable<number> = []): PortPicker {
  const taken = new Set(known);
  return {
    async pick() {
      for (let tries = 0; tries < maxTries; tries += 1) {
        const port = randomInt(firstPort, endPort);
        if (taken.has(port)) continue;
        taken.add(port);
        if ((await reserve(host, port)) && (await isFree(host, port))) return port;
      }
      throw new SquallError("SQUALL_UNSUPPORTED", `no free port on ${host} in ${maxTries} tries`);
    },
    async claim(port, field, withinMs = 0) {
      const isOurs = taken.has(port);
      taken.add(port);
      const untilMs = systemClock.nowMs() + withinMs;
      while (!isOurs) {
        if (await isFree(host, port)) return port;
        if (systemClock.nowMs() >= untilMs) break;
        await systemClock.sleep(20);
      }
      const by = isOurs ? "another part of the target" : "another program";
      throw new SquallError("SQUALL_PORT_IN_USE", `${field}: port ${port} is already taken by ${by}`, {
        hint: "free it, or leave the port out so that a free one is chosen",
      });
    },
  };
}

/** Those of these ports at which somebody listens. @param withinMs how long whoever leaves one has to be gone. @default 0 */
export async function takenOf(addresses: Iterable<Address>, withinMs = 0): Promise<readonly number[]> {
  const untilMs = systemClock.nowMs() + withinMs;
  const isTaken = async ({ host, port }: Address): Promise<readonly number[]> => {
    while (!(await isFree(host, port))) {
      if (systemClock.nowMs() >= untilMs) return [port];
      await systemClock.sleep(20);
    }
    return [];
  };
  return (await Promise.all([...addresses].map(isTaken))).flat();
}

/**
 * Pickers tell each other of what they draw by the UDP port of the same number, which nothing in a fleet uses: the system
 * gives it to one of them, and takes it back when the process is gone, however it ended.
 */
function reserve(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.unref();
    socket.once("error", (error) => {
      socket.close();
      const code = systemErrorCode(error);
      if (code === "EADDRINUSE" || code === "EACCES") resolve(false);
      else reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => resolve(true));
  });
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      const code = systemErrorCode(error);
      if (code === "EADDRINUSE" || code === "EACCES") resolve(false);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
