import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createPortPicker, takenOf } from "./free-ports.ts";

const host = "127.0.0.1";
/** All but 400 of those that are drawn from. */
const known = Array.from({ length: 32_000 - 12_000 - 400 }, (_, index) => 12_000 + index);

test("two who draw from the same few ports draw none twice, though nobody listens there yet", async () => {
  const draw = async (count: number): Promise<readonly number[]> => {
    const picker = createPortPicker(host, known);
    return Promise.all(Array.from({ length: count }, () => picker.pick()));
  };
  const drawn = (await Promise.all([draw(120), draw(120)])).flat();
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(31_600);
  expect(new Set(drawn).size).toBe(240);
});

test("a port is taken while somebody listens there, and free once they are gone, within the time that they have", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const free = { host, port: await createPortPicker(host).pick() };
  expect(await takenOf([free, { host, port }])).toEqual([port]);
  setImmediate(() => server.close());
  expect(await takenOf([free, { host, port }], 10_000)).toEqual([]);
});
