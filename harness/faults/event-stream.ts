/** One message of a stream of server-sent events. */
export interface StreamMessage {
  /** The last `id:` so far; empty before the first. */
  readonly id: string;
  /** @default "message" */
  readonly event: string;
  readonly data: string;
}

/** A line as long as this is no message of ours. */
const longestLine = 1_000_000;

/**
 * Reads server-sent events (WHATWG HTML, 9.2.6) from the body of an answer, wherever it is cut. A message that the end of
 * the body cuts off is dropped, as the standard has it: its id was not taken over, so it comes again.
 * @throws when the body breaks, or holds a line of more than a million characters
 */
export async function* readEventStream(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  let id = "";
  let event = "";
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (data.length > 0) yield { id, event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    // A comment (no field name) keeps the connection open; other fields mean nothing.
  }
}

/** Lines end with LF, CR LF or CR. The last CR of a chunk waits: the LF that belongs to it may come with the next. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > longestLine) throw new Error(`a line of more than ${longestLine} characters`);
  }
}
