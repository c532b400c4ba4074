import { connect, type Socket } from "node:net";
import { once } from "node:events";

/** Asks for `/bulk` on a new connection and reads it into one and the same buffer. */
function open(port: number, onBytes: (sizeBytes: number) => void): Socket {
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: {
      buffer: Buffer.allocUnsafe(256 * 1_024),
      callback(sizeBytes) {
        onBytes(sizeBytes);
        return true;
      },
    },
  });
  socket.write("GET /bulk HTTP/1.1\r\nHost: bench\r\n\r\n");
  return socket;
}

/** @returns MB/s of one connection over this many bytes */
export async function bulkMBs(port: number, sizeBytes: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let receivedBytes = 0;
  const startedMs = performance.now();
  const socket = open(port, (moreBytes) => {
    receivedBytes += moreBytes;
    if (receivedBytes >= sizeBytes) resolve();
  });
  socket.once("close", () => reject(new Error("closed before all had come")));
  socket.on("error", () => undefined); // `close` follows
  await promise;
  const tookMs = performance.now() - startedMs;
  socket.destroy();
  return receivedBytes / 1_000 / tookMs;
}

/** @returns KB/s of one connection over this time, counted from what came first */
export async function pacedKBs(port: number, durationMs: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let firstMs: number | undefined;
  let receivedBytes = 0;
  const socket = open(port, (sizeBytes) => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      return;
    }
    receivedBytes += sizeBytes;
    if (nowMs - firstMs >= durationMs) resolve(receivedBytes / (nowMs - firstMs));
  });
  socket.once("close", () => reject(new Error("closed before its time")));
  socket.on("error", () => undefined); // `close` follows
  return promise.finally(() => socket.destroy());
}

/** Opens connections that have been used once and then say no more. */
export async function openIdle(port: number, count: number): Promise<Disposable> {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
    await once(socket, "data");
  }
  return {
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
