import { expect, test } from "vitest";
import { encodeRequest } from "../observe/otlp/otlp-proto.fixture.ts";
import { setSink } from "../observe/receiver-client.ts";
import { startReceiver } from "../observe/receiver.ts";
import { openSpanReceipt } from "./span-receipt.ts";

function bodyOf(service: string, name: string, more: object = {}): Buffer {
  const attributes = [{ key: "service.name", value: { stringValue: service } }];
  const ids = {
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.alloc(8, 2),
    startTimeUnixNano: "1700000000000000000",
  };
  const spans = [{ ...ids, name, ...more }];
  return encodeRequest({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] });
}

test("what went wrong with a run's spans is told, and nothing of what went wrong before it", async () => {
  await using receiver = await startReceiver();
  const send = async (body: Buffer): Promise<void> => {
    const headers = { "content-type": "application/x-protobuf" };
    await fetch(`${receiver.url}/v1/traces`, { method: "POST", headers, body: new Uint8Array(body) });
  };
  await send(Buffer.from("no request"));
  await send(bodyOf("order", "before", { droppedLinksCount: 7 }));
  await setSink(receiver.url, "/dev/null");
  const receipt = await openSpanReceipt({ receiver: receiver.url });
  await send(bodyOf("order", "sound"));
  expect(await receipt.told()).toEqual([]);

  await send(bodyOf("order", "sound"));
  await send(bodyOf("order", "cut").subarray(0, -1));
  await send(bodyOf("order", "without an id", { spanId: Buffer.alloc(8) }));
  await send(bodyOf("order", "dropping", { droppedAttributesCount: 2, droppedLinksCount: 1 }));
  await setSink(receiver.url, "/dev/full");
  await send(bodyOf("payment", "unwritten"));
  expect(await receipt.told()).toEqual([
    expect.stringContaining("1 span not written: ENOSPC"),
    expect.stringContaining("1 request of spans refused: a field at byte"),
    "1 span without an id or a start left out",
    "1 request of spans came again",
    "order says it dropped 2 attributes and 1 link",
  ]);
});
