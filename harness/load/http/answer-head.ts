/**
 * The head of an answer, checked byte by byte (RFC 9112, 2 to 6). It is a pass over the bytes without regular
 * expressions or strings, since it is paid for each request of the load. Fields that say where the body and the connection
 * end are read on the way; the others by {@link readHeaders}, when the head is not the same as the one before.
 *
 * Refused is what one reader could take in another way than the next: line ends other than CRLF, folded lines, a space
 * before the colon, a length twice, chunks and a length, codings other than `chunked`.
 */
export interface AnswerHead {
  minorVersion: 0 | 1;
  status: number;
  /** Of Content-Length; -1 when there is none. */
  lengthBytes: number;
  isChunked: boolean;
  /** What it says of the connection. */
  saysClose: boolean;
  saysKeepAlive: boolean;
  /** For how long the server keeps it; undefined when it does not say. */
  keptAliveMs: number | undefined;
}

/** Names in lower case; a list where a name came more than once. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The server did not keep to HTTP/1.1, or so that it can be read in two ways. */
export class MalformedAnswer extends Error {
  override readonly name = "MalformedAnswer";

  constructor(problem: string) {
    super(`not a clear answer in HTTP/1.1: ${problem}`);
  }
}

export const largestHeadBytes = 16 * 1_024;
const mostHeaderLines = 256;

export const cr = 13;
const lf = 10;
const space = 32;
const zero = 48;
const colon = 58;
const version = Buffer.from("HTTP/1.");
const contentLength = Buffer.from("content-length");
const transferEncoding = Buffer.from("transfer-encoding");
const connection = Buffer.from("connection");
const keepAlive = Buffer.from("keep-alive");

const isOfName = bytesOf((byte) => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte)));
/** Of values, reasons and extensions of chunks: a tab, and what can be seen, in Latin-1. */
const isOfText = bytesOf((byte) => byte === 9 || (byte >= space && byte !== 127));

function bytesOf(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(byte) ? 1 : 0));
}

/**
 * @param head what it says is put there
 * @returns where the head ends; -1 when it has not come whole
 * @throws {MalformedAnswer} as soon as it can be no head
 */
export function scanHead(bytes: Buffer, from: number, to: number, head: AnswerHead): number {
  head.lengthBytes = -1;
  head.isChunked = false;
  head.saysClose = false;
  head.saysKeepAlive = false;
  head.keptAliveMs = undefined;
  const limit = Math.min(to, from + largestHeadBytes);
  let at = scanStatusLine(bytes, from, limit, head);
  for (let lines = 0; at !== -1; lines += 1) {
    if (bytes[at] === cr && at < limit) {
      at = scanLine(bytes, at, limit);
      break;
    }
    if (lines === mostHeaderLines) throw new MalformedAnswer(`over ${mostHeaderLines} header lines`);
    at = scanHeaderLine(bytes, at, limit, head);
  }
  if (at === -1) {
    if (limit < to) throw new MalformedAnswer(`a head of over ${largestHeadBytes} bytes`);
    return -1;
  }
  if (head.isChunked && head.minorVersion === 0) throw new MalformedAnswer("chunks in HTTP/1.0");
  if (head.isChunked && head.lengthBytes !== -1)
    throw new MalformedAnswer("both Content-Length and Transfer-Encoding");
  return at;
}

/** @returns where the next line begins; -1 when the line has not come whole */
export function scanLine(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (isOfText[byte] === 1) continue;
    if (byte !== cr || (at + 1 < to && bytes[at + 1] !== lf))
      throw new MalformedAnswer(`the byte ${byte} within a line`);
    return at + 1 < to ? at + 2 : -1;
  }
  return -1;
}

/** As {@link scanLine}, of a line that begins with a name and a colon; an empty name is none. */
export function scanHeaderLine(bytes: Buffer, from: number, to: number, head?: AnswerHead): number {
  let at = from;
  while (at < to && isOfName[bytes[at] as number] === 1) at += 1;
  if (at === to) return -1;
  const nameBytes = at - from;
  if (bytes[at] !== colon || nameBytes === 0)
    throw new MalformedAnswer("a header line that does not begin with a name and a colon");
  const end = scanLine(bytes, at + 1, to);
  if (end === -1 || head === undefined) return end;
  if (nameBytes === contentLength.length && isSame(bytes, from, contentLength))
    readContentLength(framingValueOf(bytes, at + 1, end), head);
  else if (nameBytes === transferEncoding.length && isSame(bytes, from, transferEncoding))
    readTransferEncoding(framingValueOf(bytes, at + 1, end), head);
  else if (nameBytes === connection.length && isSame(bytes, from, connection))
    readConnection(valueOf(bytes, at + 1, end), head);
  else if (nameBytes === keepAlive.length && isSame(bytes, from, keepAlive))
    readKeepAlive(valueOf(bytes, at + 1, end), head);
  return end;
}

/** @param head text of a head that was scanned */
export function readHeaders(head: string): AnswerHeaders {
  const headers = Object.create(null) as Record<string, string | readonly string[]>;
  const lower = head.toLowerCase();
  let at = head.indexOf("\r\n") + 2;
  for (let end = head.indexOf("\r\n", at); end > at; end = head.indexOf("\r\n", at)) {
    const colonAt = head.indexOf(":", at);
    const name = lower.slice(at, colonAt);
    const value = withoutBlanks(head, colonAt + 1, end);
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else headers[name] = typeof before === "string" ? [before, value] : [...before, value];
    at = end + 2;
  }
  return headers;
}

/** "HTTP/1.1 200 OK"; the reason may be missing, with the space before it. */
function scanStatusLine(bytes: Buffer, from: number, to: number, head: AnswerHead): number {
  for (let index = 0; index < version.length && from + index < to; index += 1)
    if (bytes[from + index] !== version[index]) throw new MalformedAnswer("it does not begin with HTTP/1.");
  const end = scanLine(bytes, from, to);
  if (end === -1) return -1;
  const at = from + version.length;
  const minor = (bytes[at] as number) - zero;
  const hundreds = digitAt(bytes, at + 2);
  const tens = digitAt(bytes, at + 3);
  const ones = digitAt(bytes, at + 4);
  const after = bytes[at + 5];
  const isClear =
    (minor === 0 || minor === 1) &&
    bytes[at + 1] === space &&
    hundreds >= 1 &&
    tens >= 0 &&
    ones >= 0 &&
    (after === space || after === cr);
  // A line that ends before goes wrong at its line end, which is none of these.
  if (!isClear) throw new MalformedAnswer(`a status line of "${valueOf(bytes, from, end).slice(0, 40)}"`);
  head.minorVersion = minor;
  head.status = hundreds * 100 + tens * 10 + ones;
  return end;
}

/** -1 for what is no digit. */
function digitAt(bytes: Buffer, at: number): number {
  const digit = (bytes[at] as number) - zero;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

function readContentLength(value: string, head: AnswerHead): void {
  if (!/^\d{1,15}$/.test(value)) throw new MalformedAnswer(`a Content-Length of "${value.slice(0, 40)}"`);
  if (head.lengthBytes !== -1) throw new MalformedAnswer("Content-Length twice");
  head.lengthBytes = Number(value);
}

function readTransferEncoding(value: string, head: AnswerHead): void {
  if (value.toLowerCase() !== "chunked")
    throw new MalformedAnswer(`a Transfer-Encoding of "${value.slice(0, 40)}"`);
  if (head.isChunked) throw new MalformedAnswer("Transfer-Encoding twice");
  head.isChunked = true;
}

/** A list; what a server says in several lines counts together, and `close` outweighs the rest. */
function readConnection(value: string, head: AnswerHead): void {
  const elements = value.toLowerCase();
  if (elements === "keep-alive") head.saysKeepAlive = true;
  else
    for (const element of elements.split(",")) {
      const said = withoutBlanks(element);
      if (said === "close") head.saysClose = true;
      if (said === "keep-alive") head.saysKeepAlive = true;
    }
}

/** "timeout=5, max=100" */
function readKeepAlive(value: string, head: AnswerHead): void {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,9})(?!\d)/i.exec(value)?.[1];
  if (seconds !== undefined) head.keptAliveMs = Number(seconds) * 1_000;
}

/** @param name in lower case; it has letters and hyphens only, so that bit 5 tells nothing but the case */
function isSame(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let index = 0; index < name.length; index += 1)
    if (((bytes[from + index] as number) | 0x20) !== name[index]) return false;
  return true;
}

/** Tabs are allowed around values, but not every reader takes them off: llhttp reads "chunked\t" until the end. */
function framingValueOf(bytes: Buffer, from: number, end: number): string {
  const value = bytes.toString("latin1", from, end - 2);
  if (value.includes("\t")) throw new MalformedAnswer("a tab in a line that says where the body ends");
  return withoutBlanks(value);
}

/** @param end after its line end */
function valueOf(bytes: Buffer, from: number, end: number): string {
  return withoutBlanks(bytes.toString("latin1", from, end - 2));
}

/** Spaces and tabs at both ends taken off; `trim` would take more, and a regular expression long over many of them. */
function withoutBlanks(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === space || code === 9;
}
