import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { startTestApp } from "./app.fixture.ts";

it("a client that takes too long to send its request is told 408 and let go, one that does not is answered", async () => {
  await using service = await startTestApp(
    "none",
    (app) => app.post("/notes", async ({ body }) => ({ body })),
    {
      receiveWithinMs: 200,
    },
  );
  const head = "POST /notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";
  const ask = async (text: string): Promise<string> => {
    const socket = connect(Number(new URL(service.url).port), "127.0.0.1").setEncoding("utf8");
    let answer = "";
    socket.on("data", (part: string) => (answer += part));
    socket.write(text);
    await once(socket, "close");
    return answer;
  };
  expect(await ask(`${head}\r\n[`)).toMatch(/^HTTP\/1\.1 408 /);
  expect(await ask(`${head}connection: close\r\n\r\n[]`)).toMatch(/^HTTP\/1\.1 200 /);
});

it("a body above the limit is refused with 413, whatever it says of its length", async () => {
  await using service = await startTestApp(
    "none",
    (app) => app.post("/notes", async () => ({ kept: true })),
    {
      maxBodyBytes: 1_000,
    },
  );
  const post = (sizeBytes: number) =>
    fetch(`${service.url}/notes`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      // A stream has no content-length.
      body: new Blob([JSON.stringify("x".repeat(sizeBytes))]).stream(),
      duplex: "half",
    });
  expect((await post(500)).status).toBe(200);
  const refused = await post(1_500);
  expect([refused.status, await refused.json()]).toEqual([
    413,
    { error: "request-too-large", message: "the body of this request is too large" },
  ]);
});
