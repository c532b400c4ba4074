/**
 * A server that does next to nothing but say when each request came: plain sockets, one answer for all. Tells its parent
 * its port; asked to "stamps", gives what came since the last time; asked to "stall", answers nothing for so long.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";

/** When a request was there, epoch milliseconds; and when it was answered. `index` is of its path, `/…/<index>`. */
export interface Stamp {
  readonly atMs: number;
  readonly index: number;
  readonly answeredMs: number;
}

export type AskServer = { readonly kind: "stamps" } | { readonly kind: "stall"; readonly durationMs: number };

const endOfHead = Buffer.from("\r\n\r\n");
const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}';
const nowMs = (): number => performance.timeOrigin + performance.now();

let stamps: number[] = [];
let waiting: (() => void)[] | undefined;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  // Requests without a body, one at a time on a connection, as all the clients here send them.
  let rest: Buffer | undefined;
  socket.on("data", (data) => {
    const atMs = nowMs();
    const head = rest === undefined ? data : Buffer.concat([rest, data]);
    if (head.indexOf(endOfHead, Math.max(0, head.length - 4)) === -1) return void (rest = head);
    rest = undefined;
    const path = head.toString("latin1", 0, head.indexOf(10));
    const index = Number(/(\d+) HTTP/.exec(path)?.[1] ?? -1);
    if (waiting === undefined) answerTo(socket, atMs, index);
    else waiting.push(() => answerTo(socket, atMs, index));
  });
});

function answerTo(socket: Socket, atMs: number, index: number): void {
  stamps.push(atMs, index, nowMs());
  socket.write(answer);
}

process.on("message", (asked: AskServer) => {
  switch (asked.kind) {
    case "stamps":
      process.send?.(stamps);
      stamps = [];
      break;
    case "stall":
      waiting = [];
      setTimeout(() => {
        const held = waiting ?? [];
        waiting = undefined;
        for (const answerNow of held) answerNow();
      }, asked.durationMs);
  }
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 8_192 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on("disconnect", () => process.exit());
