/**
 * The least that a receiver on `node:http` and protobufjs does: `protobufjs-server.ts FILE`. Prints its port, appends each
 * request's line to the file, and keeps its counts.
 */
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readByProtobufjs } from "./protobufjs-reading.ts";

const file = openSync(process.argv[2] ?? "/dev/null", "a");
const counted = new Map<string, number>();
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { line, spans } = readByProtobufjs(Buffer.concat(chunks));
    for (const [service, count] of spans) counted.set(service, (counted.get(service) ?? 0) + count);
    writeSync(file, line);
    response.writeHead(200, { "content-type": "application/x-protobuf", "content-length": 0 }).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
