/** A message of a container's log, as the engine streams it with time stamps. */
export interface LogMessage {
  /** "2026-11-22T02:30:00.000000000Z": always nine digits, so that texts sort by time. */
  readonly stamp: string;
  /** What was written, with its line break; a part of a line where that is very long. */
  readonly content: Buffer;
}

/** Stream (1 byte), three bytes of nothing, length of the message (4 bytes, big-endian). */
const headerBytes = 8;

/**
 * Messages of stdout and stderr in the order in which they come (docs.docker.com/reference/api/engine, "Stream format"). What
 * is cut off at the end is left out.
 */
export async function* logMessages(chunks: AsyncIterable<Buffer>): AsyncGenerator<LogMessage> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length >= at + headerBytes) {
      const end = at + headerBytes + rest.readUInt32BE(at + 4);
      if (rest.length < end) break;
      yield messageIn(rest.subarray(at + headerBytes, end));
      at = end;
    }
    rest = rest.subarray(at);
  }
}

function messageIn(payload: Buffer): LogMessage {
  const blank = payload.indexOf(" ");
  return { stamp: payload.toString("latin1", 0, blank), content: payload.subarray(blank + 1) };
}
