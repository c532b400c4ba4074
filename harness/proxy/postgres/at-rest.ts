import { frontendTypes, headBytes, readHead } from "./message-reader.ts";

/**
 * Signs by which a session that comes to a connection in the middle of its life tells that it is at rest: the last bytes
 * came from the server, they were the end of an answer, and the client begins a message.
 */

/** Whether an answer ends with these bytes: ReadyForQuery with one of its three states. */
export function endsReady(chunk: Buffer): boolean {
  const end = chunk.subarray(-readyForQuery.length - 1);
  return end.length > readyForQuery.length && end.indexOf(readyForQuery) === 0 && "ITE".includes(lastOf(end));
}

const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5]);

/** Whether these bytes are messages of a client, from the first byte on; the last may be cut. */
export function areMessages(chunk: Buffer): boolean {
  if (chunk.length < headBytes) return false;
  for (let rest = chunk; rest.length > 0;) {
    const head = readHead(rest, frontendTypes);
    if (head === "malformed") return false;
    if (head === "incomplete") return true;
    const isBare = "HSXc".includes(head.type);
    if (isBare && head.sizeBytes !== headBytes) return false;
    const body = rest.subarray(headBytes, head.sizeBytes);
    const isWhole = rest.length >= head.sizeBytes;
    // The text of a Query ends in the message's one zero byte.
    if (head.type === "Q" && body.indexOf(0) !== (isWhole ? body.length - 1 : -1)) return false;
    rest = rest.subarray(head.sizeBytes);
  }
  return true;
}

/** Whether these bytes begin as a record of TLS 1.x does. */
export function isTls(chunk: Buffer): boolean {
  const [type = 0, major, minor = 255] = chunk;
  return type >= 0x14 && type <= 0x17 && major === 3 && minor <= 4;
}

function lastOf(bytes: Buffer): string {
  return String.fromCharCode(bytes[bytes.length - 1] ?? 0);
}
