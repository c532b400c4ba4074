import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cuts, exchanges, whole } from "./http-stream.fixture.ts";
import { AnswerReader, RequestReader } from "./message-reader.ts";

/** What a reader makes of a stream that comes in pieces: kinds, with the bytes of each. */
function readRequests(stream: string, sizes: readonly number[] = [Infinity]) {
  const reader = new RequestReader();
  const read: [kind: string, bytes: string][] = [];
  for (let at = 0, turn = 0; at < stream.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    reader.feed(Buffer.from(stream.slice(at, at + size), "latin1"));
    at += size;
    for (let piece = reader.next(); piece; piece = reader.next()) {
      if (piece.kind === "head") read.push(["head", piece.head.bytes.toString("latin1")]);
      else if ("bytes" in piece) read.push([piece.kind, piece.bytes.toString("latin1")]);
      else read.push([piece.kind, ""]);
      if (piece.kind === "unreadable") break;
    }
  }
  return { read, rest: reader.rest().toString("latin1") };
}

const kindsOf = (stream: string): string =>
  readRequests(stream)
    .read.map(([kind]) => kind)
    .join(" ");

it("the pieces of a stream are the stream, wherever it is cut", () => {
  fc.assert(
    fc.property(exchanges(["/a"]), cuts, (given, sizes) => {
      const stream = given.map(({ request }) => whole(request)).join("");
      const { read, rest } = readRequests(stream, sizes);
      expect(read.map(([, bytes]) => bytes).join("")).toBe(stream);
      expect(rest).toBe("");
      expect(read.filter(([kind]) => kind === "end")).toHaveLength(given.length);
      const data = given.flatMap(({ request: { body, data } }) =>
        data.map(([from, to]) => body.slice(from, to)),
      );
      expect(
        read
          .filter(([kind]) => kind === "data")
          .map(([, bytes]) => bytes)
          .join(""),
      ).toBe(data.join(""));
    }),
    { numRuns: 300 },
  );
});

it.each([
  ["GET / HTTP/1.1\r\n\r\n", "head end"],
  ["\r\n\r\nGET / HTTP/1.1\r\n\r\n", "head end"],
  ["POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "head end head end"],
  ["POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "head data end"],
  ["POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "head framing framing end"],
  ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x\r\n0123456789\r\n", "head framing data framing"],
])("%j is read as %s", (stream, kinds) => {
  expect(kindsOf(stream)).toBe(kinds);
});

it.each([
  "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
  "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
  "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
  "GET / HTTP/1.1\nHost: a\n\n",
  "GET / HTTP/1.1\r\nHost: a\n\r\n\r\n",
  "GET / HTTP/2.0\r\n\r\n",
  "get / HTTP/1.1\r\n\r\n",
  "BREW / HTTP/1.1\r\n\r\n",
  "GET  / HTTP/1.1\r\n\r\n",
  "hello",
  "GETTY",
  "\x16\x03\x01\x02\x00",
  `GET / HTTP/1.1\r\nA: ${"a".repeat(65_536)}`,
])("%j is unreadable", (stream) => {
  expect(kindsOf(stream)).toBe("unreadable");
});

it.each(["g\r\n", "5 5\r\n", "-1\r\n", "\r\n", "5\n", "2\r\nabcd", `1;${"x".repeat(9_000)}`])(
  "chunks that begin with %j are unreadable",
  (chunks) => {
    const kinds = kindsOf(`PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`).split(" ");
    expect(kinds[0]).toBe("head");
    expect(kinds.at(-1)).toBe("unreadable");
  },
);

describe("an answer", () => {
  const kinds = (stream: string, method: string): string => {
    const reader = new AnswerReader();
    reader.feed(Buffer.from(stream));
    const read: string[] = [];
    for (let piece = reader.next(method); piece; piece = reader.next(method)) {
      read.push(piece.kind);
      if (piece.kind === "unreadable") break;
    }
    if (reader.finish()) read.push("finish");
    return read.join(" ");
  };
  const sized = "Content-Length: 2\r\n\r\n";

  it.each([
    ["GET", `HTTP/1.1 200 OK\r\n${sized}hi`, "head data end"],
    ["GET", `HTTP/1.1 200\r\n${sized}hi`, "head data end"],
    ["HEAD", `HTTP/1.1 200 OK\r\n${sized}HTTP/1.1 200 OK\r\n${sized}`, "head end head end"],
    ["GET", `HTTP/1.1 304 Not Modified\r\n${sized}`, "head end"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", "head end"],
    [
      "GET",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n${sized}hi`,
      "head head head data end",
    ],
    ["GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "head end"],
    ["CONNECT", `HTTP/1.1 200 OK\r\n${sized}`, "head end"],
    ["GET", "HTTP/1.0 200 OK\r\n\r\nto the end", "head data finish"],
    ["GET", "SSH-2.0-OpenSSH\r\n", "unreadable"],
    ["GET", "HTTP/2 200\r\n\r\n", "unreadable"],
    ["GET", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${sized}`, "unreadable"],
  ])("to %s, %j, is read as %s", (method, stream, expected) => {
    expect(kinds(stream, method)).toBe(expected);
  });
});
