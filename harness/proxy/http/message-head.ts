import { METHODS } from "../../base/node-http.ts";
import { HeaderLines } from "./header-lines.ts";

/**
 * Heads of HTTP/1.x messages, and what they say of the body that follows (RFC 9112, 6.3). What could be understood in two
 * ways is not understood at all: a proxy that guesses otherwise than the callee would act on the wrong bytes.
 */
export interface MessageHead {
  /** As it came, with the empty line at its end. */
  readonly bytes: Buffer;
  /** The last digit of "HTTP/1.1". */
  readonly minorVersion: number;
  readonly headers: HeaderLines;
  readonly framing: Framing;
}

export interface RequestHead extends MessageHead {
  readonly method: string;
  readonly target: string;
}

export interface AnswerHead extends MessageHead {
  readonly status: number;
}

/** How a body ends: there is none; after so many bytes; with its last chunk; when the connection does. */
export type Framing =
  | { readonly by: "nothing" }
  /** An interim answer such as 100 Continue: the answer itself is still to come. */
  | { readonly by: "next-head" }
  | { readonly by: "length"; readonly sizeBytes: number }
  | { readonly by: "chunks" }
  | { readonly by: "close" };

const nothing: Framing = { by: "nothing" };
const nextHead: Framing = { by: "next-head" };
const chunks: Framing = { by: "chunks" };
const close: Framing = { by: "close" };

/** Methods are known by name, so that other text protocols are told apart by their first bytes. */
const methods: ReadonlySet<string> = new Set(METHODS);

/* eslint-disable no-control-regex -- which bytes may not be where is the point */
const requestLine = /^([A-Z-]{1,32}) ([^\x00-\x20\x7f]+) HTTP\/1\.([01])$/;
const target = /^[^\x00-\x20\x7f]*$/;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?$/;
/** Folded lines are not among them: different readers read them differently. */
const headerLines = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*$/;
/* eslint-enable no-control-regex */
const bareLineEnd = /(?<!\r)\n|\r(?!\n|$)/;
const version = "HTTP/1.";

/** @returns `undefined` when it is no head of a request, or one that can be read in two ways */
export function parseRequestHead(bytes: Buffer): RequestHead | undefined {
  const parsed = parseHead(bytes, emptyLinesLength(bytes), requestLine);
  if (parsed === undefined) return undefined;
  const { headers, parts } = parsed;
  const [, method = "", target = "", minor] = parts;
  const minorVersion = Number(minor);
  const framing = bodyFraming(headers, minorVersion, nothing);
  if (framing === undefined || !methods.has(method)) return undefined;
  return { bytes, minorVersion, headers, framing, method, target };
}

/**
 * @param method of the request that is answered
 * @returns `undefined` when it is no head of an answer, or one that can be read in two ways
 */
export function parseAnswerHead(bytes: Buffer, method: string): AnswerHead | undefined {
  const parsed = parseHead(bytes, 0, statusLine);
  if (parsed === undefined) return undefined;
  const { headers, parts } = parsed;
  const [, minor, given] = parts;
  const status = Number(given);
  const minorVersion = Number(minor);
  const framing = answerFraming(headers, minorVersion, method, status);
  return framing && { bytes, minorVersion, headers, framing, status };
}

/** Whether an answer may have a body at all. */
export function hasBody(method: string, status: number): boolean {
  return (
    method !== "HEAD" && status >= 200 && status !== 204 && status !== 304 && !opensTunnel(method, status)
  );
}

/** Whether what follows an answer is another protocol. */
export function opensTunnel(method: string, status: number): boolean {
  return status === 101 || (method === "CONNECT" && status >= 200 && status < 300);
}

/** Whether the sender lets more follow on the connection. */
export function keepsAlive({ headers, minorVersion }: MessageHead): boolean {
  if (headers.has("connection", "close")) return false;
  return minorVersion === 1 || headers.has("connection", "keep-alive");
}

/** How many bytes of empty lines stand before a request: RFC 9112 2.2 lets them be. */
export function emptyLinesLength(bytes: Buffer): number {
  let length = 0;
  while (bytes[length] === 13 && bytes[length + 1] === 10) length += 2;
  return length;
}

/** Whether more bytes could make these the head of a request. */
export function mayBecomeRequest(bytes: Buffer): boolean {
  const text = bytes.toString("latin1", emptyLinesLength(bytes));
  if (bareLineEnd.test(text)) return false;
  const lineEnd = text.indexOf("\r\n");
  if (lineEnd >= 0) return isRequestLine(text.slice(0, lineEnd));
  const [method = "", to, as = "", ...more] = text.replace(/\r$/, "").split(" ");
  if (to === undefined) return METHODS.some((known) => known.startsWith(method));
  const isVersion = version.startsWith(as) || /^HTTP\/1\.[01]$/.test(as);
  return methods.has(method) && target.test(to) && isVersion && more.length === 0;
}

/** Whether more bytes could make these the head of an answer. */
export function mayBecomeAnswer(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  if (bareLineEnd.test(text)) return false;
  const lineEnd = text.indexOf("\r\n");
  return lineEnd >= 0
    ? statusLine.test(text.slice(0, lineEnd))
    : version.startsWith(text.slice(0, version.length));
}

/** Whether bytes begin with the first line of a request. */
export function beginsRequest(bytes: Buffer): boolean {
  const lineEnd = bytes.indexOf("\r\n");
  return lineEnd > 0 && isRequestLine(bytes.toString("latin1", 0, lineEnd));
}

function isRequestLine(line: string): boolean {
  return methods.has(requestLine.exec(line)?.[1] ?? "");
}

function parseHead(bytes: Buffer, from: number, firstLine: RegExp) {
  const text = bytes.toString("latin1", from, bytes.length - 2);
  const lineEnd = text.indexOf("\r\n");
  const parts = firstLine.exec(text.slice(0, lineEnd));
  if (parts === null || !headerLines.test(text.slice(lineEnd + 2))) return undefined;
  return { headers: new HeaderLines(text.slice(lineEnd)), parts };
}

function answerFraming(headers: HeaderLines, minorVersion: number, method: string, status: number) {
  if (status < 200 && status !== 101) return nextHead;
  return hasBody(method, status) ? bodyFraming(headers, minorVersion, close) : nothing;
}

/** @param otherwise when no header says it @returns `undefined` when it can be read in two ways */
function bodyFraming(headers: HeaderLines, minorVersion: number, otherwise: Framing): Framing | undefined {
  const encodings = headers.values("transfer-encoding");
  const lengths = headers.values("content-length");
  if (encodings.length > 0) {
    const codings = encodings.join(",").toLowerCase().split(",");
    const isChunkedLast = codings.findIndex((coding) => coding.trim() === "chunked") === codings.length - 1;
    return isChunkedLast && lengths.length === 0 && minorVersion === 1 ? chunks : undefined;
  }
  const [length] = lengths;
  if (length === undefined) return otherwise;
  const sizeBytes = Number(length);
  const isClear = /^\d+$/.test(length) && Number.isSafeInteger(sizeBytes);
  if (!isClear || lengths.some((other) => other !== length)) return undefined;
  return sizeBytes === 0 ? nothing : { by: "length", sizeBytes };
}

/** A head with other header lines. */
export function headBytes(
  { bytes, headers }: Pick<MessageHead, "bytes" | "headers">,
  lines: HeaderLines,
): Buffer {
  const firstLine = bytes.subarray(0, bytes.length - 2 - headers.text.length);
  return Buffer.concat([firstLine, Buffer.from(`${lines.text}\r\n`, "latin1")]);
}
