import fc from "fast-check";
import { expect, test } from "vitest";
import { readEventStream, type StreamMessage } from "./event-stream.ts";

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    yield bytes.subarray(from, cut);
    from = Math.max(from, cut);
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<readonly StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of readEventStream(chunksOf(new TextEncoder().encode(text), cuts)))
    messages.push(message);
  return messages;
}

test("a message has its id, its event and its data", async () => {
  expect(await read('id: 7\nevent: call-affected\ndata: {"a":1}\n\n')).toEqual([
    { id: "7", event: "call-affected", data: '{"a":1}' },
  ]);
});

test("an id lasts until the next, an event is a message unless it says otherwise", async () => {
  expect(await read("id: 7\nevent: a\ndata: x\n\ndata: y\n\n")).toEqual([
    { id: "7", event: "a", data: "x" },
    { id: "7", event: "message", data: "y" },
  ]);
});

test("data of several lines is one text; one space after the colon belongs to nobody", async () => {
  expect(await read("data:a\ndata:  b\ndata\n\n")).toEqual([{ id: "", event: "message", data: "a\n b\n" }]);
});

test("comments, unknown fields and a message without data are nothing", async () => {
  expect(await read(": nothing new\n\nretry: 10\n\nevent: a\n\nid: 1\n\ndata: x\n\n")).toEqual([
    { id: "1", event: "message", data: "x" },
  ]);
});

test("a message that the end cuts off is not told", async () => {
  expect(await read("data: x\n\nid: 2\ndata: y\n")).toHaveLength(1);
});

test("a line without an end is given up, not kept for ever", async () => {
  await expect(read(`data: ${"x".repeat(1_100_000)}`)).rejects.toThrow(
    "a line of more than 1000000 characters",
  );
});

test("a line end that is cut in two ends one line", async () => {
  const text = "id: 7\r\nevent: a\r\ndata: x\r\n\r\n";
  for (let cut = 0; cut <= text.length; cut += 1)
    expect(await read(text, [cut])).toEqual([{ id: "7", event: "a", data: "x" }]);
});

test("wherever the bytes are cut, and however lines end, the messages are the same", async () => {
  const message = fc.record({
    id: fc.nat().map(String),
    event: fc.constantFrom("fault-began", "call-affected"),
    data: fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => !/[\r\n]/.test(text) && !text.startsWith(" ")),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 5 }),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.nat({ max: 400 }), { maxLength: 8 }),
      async (messages, end, cuts) => {
        const text = messages
          .map(({ id, event, data }) => [`id: ${id}`, `event: ${event}`, `data: ${data}`, "", ""].join(end))
          .join(": still here\n\n");
        const size = new TextEncoder().encode(text).length;
        expect(
          await read(
            text,
            cuts.filter((cut) => cut <= size),
          ),
        ).toEqual(messages);
      },
    ),
  );
});
