import pg from "pg";
import type { Address } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import { connectTo, type Client } from "../proxy.fixture.ts";
import { message, texts } from "./message-reader.ts";

export function clientOptions({ host, port }: Address) {
  return { host, port, user: "postgres", database: "postgres", ssl: false } as const;
}

/** A client that sends bytes as they are given, past its start-up. */
export interface RawClient extends Disposable {
  readonly client: Client;
  /** Sends, and gives what has come back until that many ReadyForQuery, or until the end. */
  exchange(bytes: Buffer | readonly Buffer[], readyCount?: number): Promise<Buffer>;
}

export async function connectRaw(address: Address): Promise<RawClient> {
  const client = await connectTo(address);
  const exchange = async (bytes: Buffer | readonly Buffer[], readyCount = 1): Promise<Buffer> => {
    const from = client.received.length;
    for (const piece of Buffer.isBuffer(bytes) ? [bytes] : bytes) client.socket.write(piece);
    return waitFor({ what: "the answer", withinMs: 10_000, everyMs: 2 }, () => {
      const back = client.received.subarray(from);
      const types = messageTypes(back);
      return client.end || types?.filter((type) => type === "Z").length === readyCount ? back : undefined;
    });
  };
  const parameters = texts("user", "postgres", "database", "postgres", "");
  await exchange(startup(196_608, parameters));
  return { client, exchange, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

/** A start-up packet: length, code, and what the code asks for. */
export function startup(code: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.writeUInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

/** What a query fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : error;
      return { code: error.code, message: error.message, severity: error.severity };
    },
  );
}

/** How long it takes, in milliseconds. */
export async function timed(promise: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await promise;
  return performance.now() - startedMs;
}

/** The types of the messages that bytes consist of; `undefined` when the last is cut. */
export function messageTypes(bytes: Buffer): readonly string[] | undefined {
  const types: string[] = [];
  let rest = bytes;
  while (rest.length >= 5) {
    types.push(String.fromCharCode(rest[0] ?? 0));
    const sizeBytes = 1 + rest.readUInt32BE(1);
    if (rest.length < sizeBytes) return undefined;
    rest = rest.subarray(sizeBytes);
  }
  return rest.length === 0 ? types : undefined;
}

export const query = (text: string): Buffer => message("Q", texts(text));
export const parse = (text: string, name = ""): Buffer =>
  message("P", Buffer.concat([texts(name, text), Buffer.alloc(2)]));
export const execute = (portal = ""): Buffer => message("E", Buffer.concat([texts(portal), Buffer.alloc(4)]));
export const describePortal = (portal = ""): Buffer => message("D", texts(`P${portal}`));
export const sync = message("S", Buffer.alloc(0));

/** Values go as text. */
export function bind(values: readonly Buffer[] = [], name = "", portal = ""): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const sized = values.flatMap((value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return [length, value];
  });
  return message(
    "B",
    Buffer.concat([texts(portal, name), Buffer.alloc(2), count, ...sized, Buffer.alloc(2)]),
  );
}
