import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../harness/base/random.ts";
import { Checker, beginning, bytesAt } from "./pattern.ts";

/** What has been seen of all connections. */
export interface Tally {
  /** Ended with every byte of both directions received. */
  whole: number;
  /** Ended early, where a toxic may do that; what came was in order. */
  cut: number;
  receivedBytes: number;
  readonly wrong: string[];
  /** Connections that have not ended, by their number; what is known of each. */
  readonly open: Map<number, () => string>;
}

export interface Talk {
  readonly id: number;
  /** Whether toxics may end it before its time. */
  readonly mayBeCut: boolean;
  readonly sizeBytes: { readonly upstream: number; readonly downstream: number };
}

/** The first bytes of a connection tell the upstream all about it. */
const headBytes = 16;

function headOf({ id, mayBeCut, sizeBytes }: Talk): Buffer {
  const head = Buffer.alloc(headBytes);
  [id, Number(mayBeCut), sizeBytes.upstream, sizeBytes.downstream].forEach((value, index) =>
    head.writeUInt32LE(value, 4 * index),
  );
  return head;
}

function readHead(head: Buffer): Talk {
  return {
    id: head.readUInt32LE(0),
    mayBeCut: head.readUInt32LE(4) === 1,
    sizeBytes: { upstream: head.readUInt32LE(8), downstream: head.readUInt32LE(12) },
  };
}

/** Connects, sends and receives, and ends when the connection has. */
export async function talkTo(port: number, talk: Talk, tally: Tally, random: Random): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  tally.open.set(talk.id, () => `${talk.id} ${JSON.stringify(talk)}: ${describe(socket)}`);
  const receiving = receive(socket, talk, "downstream", tally);
  socket.write(headOf(talk));
  await send(socket, talk, "upstream", random);
  const isWhole = await receiving;
  if (!socket.closed) await once(socket, "close").catch(() => undefined); // reset: it has closed
  tally.open.delete(talk.id);
  if (isWhole) tally.whole += 1;
  else tally.cut += 1;
}

/** The upstream: learns from a connection's head what it will receive, and what it has to send. */
export async function startUpstream(
  tally: Tally,
  random: Random,
): Promise<{ readonly port: number } & Disposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", () => sockets.delete(socket));
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      if (head.length < headBytes) return;
      socket.off("data", onData);
      const talk = readHead(head);
      void receive(socket, talk, "upstream", tally, head.subarray(headBytes));
      void send(socket, talk, "downstream", random);
    };
    socket.on("data", onData);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

type Direction = "upstream" | "downstream";

/** In writes of random sizes, now and then with a pause between; and then the end. */
async function send(socket: Socket, talk: Talk, direction: Direction, random: Random): Promise<void> {
  const totalBytes = talk.sizeBytes[direction];
  for (let sentBytes = 0; sentBytes < totalBytes && socket.writable;) {
    const mostBytes = random.next() < 0.2 ? 200_000 : 2_000;
    const wantedBytes = Math.min(random.integer(1, mostBytes), totalBytes - sentBytes);
    const bytes = bytesAt(beginningOf(talk, direction), sentBytes, wantedBytes);
    sentBytes += bytes.length;
    if (!socket.write(bytes)) await untilDrained(socket);
    if (random.next() < 0.1) await delay(random.integer(1, 30));
  }
  socket.end();
}

async function untilDrained(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve).once("close", resolve);
  await promise;
  socket.off("drain", resolve).off("close", resolve);
}

/** @returns whether all came, once the direction has ended */
async function receive(
  socket: Socket,
  talk: Talk,
  direction: Direction,
  tally: Tally,
  first: Buffer = Buffer.alloc(0),
): Promise<boolean> {
  const checker = new Checker(beginningOf(talk, direction));
  const { promise, resolve } = Promise.withResolvers<void>();
  const fail = (what: string): void => {
    tally.wrong.push(`connection ${talk.id}, ${direction}: ${what} after ${checker.receivedBytes} bytes`);
    socket.destroy();
  };
  const take = (chunk: Buffer): void => {
    tally.receivedBytes += chunk.length;
    if (!checker.take(chunk)) fail("other bytes than were sent");
  };
  take(first);
  socket.on("data", take);
  socket.once("end", resolve).once("close", resolve);
  socket.on("error", () => undefined); // `close` follows
  await promise;
  const isWhole = checker.receivedBytes === talk.sizeBytes[direction];
  if (!isWhole && !talk.mayBeCut) fail(`ended, of ${talk.sizeBytes[direction]},`);
  return isWhole;
}

/** Each stream begins elsewhere, so that another connection's bytes are seen for what they are. */
function beginningOf({ id }: Talk, direction: Direction): number {
  return beginning(2 * id + (direction === "upstream" ? 0 : 1));
}

function describe({ readyState, bytesRead, bytesWritten, writableLength, destroyed }: Socket): string {
  return JSON.stringify({ readyState, bytesRead, bytesWritten, writableLength, destroyed });
}
