import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { expect, test } from "vitest";
import { takeBackOnProxy, type ProxyUndo } from "./proxy-undo.ts";

const undosOn = ({ port }: AddressInfo): readonly ProxyUndo[] => {
  const proxyApi = `http://127.0.0.1:${port}`;
  return [
    { kind: "remove-toxic", proxyApi, proxy: "order->payment", toxic: "f1" },
    { kind: "enable-proxy", proxyApi, proxy: "order->payment" },
    { kind: "end-lease", proxyApi, lease: "f1" },
  ];
};

async function listening(): Promise<{ readonly server: Server; readonly address: AddressInfo }> {
  const server = createServer(() => undefined).listen(0, "127.0.0.1"); // takes connections, answers nobody
  await once(server, "listening");
  return { server, address: server.address() as AddressInfo };
}

test("where nobody listens any more, faults went with the proxy", async () => {
  const { server, address } = await listening();
  server.close();
  await once(server, "close");
  const told = await Promise.all(undosOn(address).map(takeBackOnProxy));
  for (const text of told) expect(text).toContain("is gone, and its faults with it");
});

test("a proxy that does not answer in time is not gone, unless its lease ends the fault", async () => {
  const { server, address } = await listening();
  const [toxic, proxy, lease] = await Promise.allSettled(undosOn(address).map(takeBackOnProxy));
  server.close();
  expect(toxic).toMatchObject({ status: "rejected", reason: { code: "SQUALL_PROXY" } });
  expect(proxy).toMatchObject({ status: "rejected", reason: { code: "SQUALL_PROXY" } });
  expect(lease).toMatchObject({ status: "fulfilled" });
});
