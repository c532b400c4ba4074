import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAnswerHead } from "../../proxy/http/message-head.ts";
import { largestHeadBytes, MalformedAnswer } from "./answer-head.ts";
import { AnswerParser, largestBodyBytes } from "./answer-parser.ts";
import { answerArbitrary, mutatedArbitrary } from "./fixtures/answers.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

type Parsed =
  | {
      readonly kind: "whole";
      readonly status: number;
      readonly headers: Readonly<Record<string, unknown>>;
      readonly text: string;
      readonly isKeptAlive: boolean;
      readonly surplusBytes: number;
    }
  | { readonly kind: "more" }
  | { readonly kind: "malformed"; readonly message: string };

/** @param isOver whether the connection ends after the pieces */
function parse(pieces: readonly Buffer[], method = "GET", isOver = false): Parsed {
  const parser = new AnswerParser();
  parser.begin(method);
  try {
    let isWhole = false;
    for (const [index, piece] of pieces.entries()) {
      const shared = Buffer.from(piece); // as on a socket: what was read is overwritten
      isWhole = parser.read(shared, shared.length);
      shared.fill("?");
      if (isWhole && index < pieces.length - 1) return { kind: "malformed", message: "whole too early" };
    }
    if (!isWhole && !(isOver && parser.finish())) return { kind: "more" };
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error;
    return { kind: "malformed", message: error.message };
  }
  const { status, headers, text, isKeptAlive, surplusBytes } = parser;
  return { kind: "whole", status, headers: { ...headers }, text, isKeptAlive, surplusBytes };
}

const parseText = (text: string, method?: string, isOver?: boolean): Parsed =>
  parse([bytesOf(text)], method, isOver);

function split(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const pieces = at.slice(1).map((to, index) => bytes.subarray(at[index], to));
  return pieces.filter(({ length }) => length > 0); // no read gives nothing
}

/** Pieces of a byte each, or longer ones where that would be more than `most`. */
function inPieces(bytes: Buffer, most = Infinity): readonly Buffer[] {
  const sizeBytes = Math.ceil(bytes.length / most) || 1;
  const count = Math.ceil(bytes.length / sizeBytes);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * sizeBytes, (at + 1) * sizeBytes));
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe("answers as they should be", () => {
  it("are read as they were written, wherever they are cut", () => {
    fc.assert(
      fc.property(answerArbitrary, cuts, ({ bytes, method, endsWithConnection, expected }, where) => {
        const parsed = parse(split(bytes, where), method, endsWithConnection);
        expect(parsed).toEqual({ kind: "whole", surplusBytes: 0, ...expected });
      }),
      { numRuns: 1_000 },
    );
  });

  it("are read one byte at a time as well", () => {
    fc.assert(
      fc.property(answerArbitrary, ({ bytes, method, endsWithConnection, expected }) => {
        const parsed = parse(inPieces(bytes), method, endsWithConnection);
        expect(parsed).toEqual({ kind: "whole", surplusBytes: 0, ...expected });
      }),
      { numRuns: 200 },
    );
  });

  it("are read one after the other on a connection, each for its own request", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(answerArbitrary, cuts), { minLength: 2, maxLength: 6 }),
        fc.boolean(),
        (answers, isRepeated) => {
          const parser = new AnswerParser();
          const sequence = answers.filter(([answer]) => !answer.endsWithConnection);
          for (const [{ bytes, method, expected }, where] of isRepeated
            ? sequence.flatMap((answer) => [answer, answer])
            : sequence) {
            parser.begin(method);
            const whole = split(bytes, where).map((piece) => parser.read(piece, piece.length));
            expect(whole.at(-1)).toBe(true);
            const { status, headers, text, isKeptAlive } = parser;
            expect({ status, headers: { ...headers }, text, isKeptAlive }).toEqual(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are not whole before their last byte", () => {
    fc.assert(
      fc.property(answerArbitrary, fc.nat(), ({ bytes, method, endsWithConnection, bodyAt }, cut) => {
        const end = endsWithConnection ? bodyAt : bytes.length;
        expect(parse([bytes.subarray(0, cut % end)], method, true)).toEqual({ kind: "more" });
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", { status: 200, text: "", isKeptAlive: true }],
    ["HTTP/1.1 200 \r\nContent-LENGTH:  2  \r\n\r\nok", { text: "ok", headers: { "content-length": "2" } }],
    ["HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", { isKeptAlive: false }],
    ["HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok", { isKeptAlive: true }],
    ["HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", { isKeptAlive: false }],
    [
      "HTTP/1.1 200 OK\r\nx: 1\r\nX: 2\r\nx:\r\ncontent-length: 0\r\n\r\n",
      { headers: { x: ["1", "2", ""] } },
    ],
    ["HTTP/1.1 200 OK\r\n__proto__: 1\r\ncontent-length: 0\r\n\r\n", { headers: { ["__proto__"]: "1" } }],
    ["HTTP/1.1 204 None\r\ncontent-length: 9\r\n\r\n", { status: 204, text: "" }],
    [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00a; x="y"\r\n0123456789\r\n0\r\nt: 1\r\n\r\n',
      { text: "0123456789" },
    ],
    [
      "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n!",
      { status: 200, text: "!", headers: { "content-length": "1" } },
    ],
  ])("%j", (text, expected) => {
    expect(parseText(text)).toMatchObject({ kind: "whole", ...expected });
  });

  it("an interim answer does not change how the same head is read again", () => {
    const parser = new AnswerParser();
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for (const text of [answer, `HTTP/1.1 100 Go on\r\ncontent-length: 7\r\n\r\n${answer}`, answer]) {
      parser.begin("GET");
      expect(parser.read(bytesOf(text), text.length)).toBe(true);
      expect(parser.text).toBe("ok");
    }
  });

  it("bytes after an answer are counted and left alone", () => {
    const second = "HTTP/1.1 200 OK\r\n\r\n";
    expect(parseText(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok${second}`)).toMatchObject({
      text: "ok",
      surplusBytes: second.length,
    });
    // Whoever asked for the head alone, or for a 304, gets no body, whatever the length says.
    expect(parseText("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "HEAD")).toMatchObject({
      text: "",
      surplusBytes: 2,
    });
    expect(parseText("HTTP/1.1 304 Same\r\ntransfer-encoding: chunked\r\n\r\n")).toMatchObject({
      kind: "whole",
      text: "",
    });
  });
});

describe("what could be read in two ways, or is too large, is refused", () => {
  const ok = "HTTP/1.1 200 OK\r\n";
  const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`;
  const malformed: Readonly<Record<string, string>> = {
    "a length and chunks": `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`,
    "chunks and a length": `${ok}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n`,
    "two lengths": `${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n`,
    "the same length twice": `${ok}content-length: 2\r\ncontent-length: 2\r\n\r\n`,
    "a list of lengths": `${ok}content-length: 2, 2\r\n\r\n`,
    "a length with a sign": `${ok}content-length: +2\r\n\r\n`,
    "a length below zero": `${ok}content-length: -1\r\n\r\n`,
    "a length in hexadecimal": `${ok}content-length: 0x2\r\n\r\n`,
    "a length with a fraction": `${ok}content-length: 2.0\r\n\r\n`,
    "a length with a blank in it": `${ok}content-length: 1 2\r\n\r\n`,
    "no length where one is named": `${ok}content-length:\r\n\r\n`,
    "a length that no number holds": `${ok}content-length: ${"9".repeat(20)}\r\n\r\n`,
    "a length over the limit": `${ok}content-length: ${largestBodyBytes + 1}\r\n\r\n`,
    "another coding": `${ok}transfer-encoding: gzip\r\n\r\n`,
    "another coding before chunks": `${ok}transfer-encoding: gzip, chunked\r\n\r\n`,
    "chunks before another coding": `${ok}transfer-encoding: chunked, identity\r\n\r\n`,
    "chunks twice": `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
    "chunks with a vertical tab": `${ok}transfer-encoding: \x0bchunked\r\n\r\n`,
    "chunks in HTTP/1.0": "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "chunks behind a tab": `${ok}transfer-encoding:\tchunked\r\n\r\n`,
    "chunks before a tab": `${ok}transfer-encoding: chunked\t\r\n\r\n`,
    "a length before a tab": `${ok}content-length: 2\t\r\n\r\n`,
    "a folded line": `${ok}x: 1\r\n 2\r\n\r\n`,
    "a line folded by a tab": `${ok}x: 1\r\n\t2\r\n\r\n`,
    "a first line that begins with a space": `${ok} x: 1\r\n\r\n`,
    "a space before the colon": `${ok}content-length : 2\r\n\r\n`,
    "a tab before the colon": `${ok}content-length\t: 2\r\n\r\n`,
    "no name": `${ok}: 2\r\n\r\n`,
    "no colon": `${ok}content-length\r\n\r\n`,
    "a byte that no name has": `${ok}x(y): 2\r\n\r\n`,
    "a name that is not ASCII": `${ok}caf\xe9: 2\r\n\r\n`,
    "a NUL in a value": `${ok}x: a\0b\r\n\r\n`,
    "a NUL in a name": `${ok}x\0: a\r\n\r\n`,
    "a bare LF after a value": `${ok}x: a\ncontent-length: 2\r\n\r\n`,
    "a bare CR in a value": `${ok}x: a\rcontent-length: 2\r\n\r\n`,
    "a bare LF after the status line": "HTTP/1.1 200 OK\ncontent-length: 2\r\n\r\n",
    "a bare LF at the end of the head": `${ok}content-length: 0\r\n\n`,
    "a bare CR at the end of the head": `${ok}content-length: 0\r\n\rx`,
    "DEL in a value": `${ok}x: \x7f\r\n\r\n`,
    "another version": "HTTP/2.0 200 OK\r\n\r\n",
    "a version without its part": "HTTP/1 200 OK\r\n\r\n",
    "a version of two digits": "HTTP/1.10 200 OK\r\n\r\n",
    "HTTP in lower case": "http/1.1 200 OK\r\n\r\n",
    "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": "HTTP/1.1 099 OK\r\n\r\n",
    "two spaces before the status": "HTTP/1.1  200 OK\r\n\r\n",
    "no status": "HTTP/1.1\r\n\r\n",
    "an empty line first": `\r\n${ok}\r\n`,
    "another protocol's greeting": "220 mail.example ESMTP\r\n",
    "a switch to another protocol": "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
    "interim answers without end": "HTTP/1.1 102 Wait\r\n\r\n".repeat(33),
    "a head over the limit": `${ok}x: ${"a".repeat(largestHeadBytes)}\r\n\r\n`,
    "a head without end": `${ok}x: ${"a".repeat(largestHeadBytes)}`,
    "too many lines": `${ok}${"x: 1\r\n".repeat(257)}\r\n`,
    "a chunk without a size": `${chunked}\r\n`,
    "a chunk with only an extension": `${chunked};x\r\n`,
    "a chunk's size with a sign": `${chunked}-1\r\n`,
    "a chunk's size with a prefix": `${chunked}0x1\r\na\r\n`,
    "a chunk's size after a blank": `${chunked} 1\r\na\r\n`,
    "a chunk's size before a blank": `${chunked}1 \r\na\r\n`,
    "a chunk's size with a bare LF": `${chunked}1\na\r\n`,
    "a bare LF in an extension": `${chunked}1;x\ny\r\na\r\n`,
    "a chunk over the limit": `${chunked}${(largestBodyBytes + 1).toString(16)}\r\n`,
    "a chunk's size that no number holds": `${chunked}${"f".repeat(14)}\r\n`,
    "a chunk's size that wraps at 32 bits": `${chunked}100000001\r\n`,
    "an extension over the limit": `${chunked}1;${"x".repeat(2_000)}`,
    "a chunk longer than its size": `${chunked}1\r\nab\r\n`,
    "a chunk that ends with LF": `${chunked}1\r\na\n`,
    "a trailer that is folded": `${chunked}0\r\nx: 1\r\n 2\r\n\r\n`,
    "a trailer without a colon": `${chunked}0\r\nx\r\n\r\n`,
    "trailers over the limit": `${chunked}0\r\n${"x: 12345678\r\n".repeat(2_000)}`,
  };

  it.each(Object.entries(malformed))("%s", (_, text) => {
    expect(parseText(text)).toMatchObject({ kind: "malformed" });
    expect(parse(inPieces(bytesOf(text), 400))).toMatchObject({ kind: "malformed" });
  });

  it("chunks that add up to more than the limit are refused before they are held", () => {
    const size = largestBodyBytes / 2 + 1;
    const parser = new AnswerParser();
    parser.begin("GET");
    const head = bytesOf(`${chunked}${size.toString(16)}\r\n`);
    expect(parser.read(head, head.length)).toBe(false);
    const body = Buffer.alloc(size);
    expect(parser.read(body, body.length)).toBe(false);
    const next = bytesOf(`\r\n${size.toString(16)}\r\n`);
    expect(() => parser.read(next, next.length)).toThrow(MalformedAnswer);
  });

  it("a body that comes in single bytes takes little more memory than its size", () => {
    const sizeBytes = 2_000_000;
    const parser = new AnswerParser();
    parser.begin("GET");
    const head = bytesOf(`${chunked}${sizeBytes.toString(16)}\r\n`);
    parser.read(head, head.length);
    const heldBytes = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const beforeBytes = heldBytes();
    const piece = Buffer.from("x");
    for (let count = 0; count < sizeBytes; count += 1) parser.read(piece, 1);
    // A piece kept by itself would take a hundred times its size.
    expect(heldBytes() - beforeBytes).toBeLessThan(40 * sizeBytes);
    const end = bytesOf("\r\n0\r\n\r\n");
    expect(parser.read(end, end.length)).toBe(true);
    expect(parser.text).toHaveLength(sizeBytes);
  });

  it("5,000 answers with something changed: each is refused, not whole, or read; nothing else happens", () => {
    const seen = { whole: 0, more: 0, malformed: 0 };
    fc.assert(
      fc.property(mutatedArbitrary, cuts, fc.boolean(), ({ bytes, method }, where, isOver) => {
        const parsed = parse([bytes], method, isOver);
        seen[parsed.kind] += 1;
        // Where it is cut changes what the error says, and nothing else.
        const pieces = split(bytes, where);
        const again = parse(pieces, method, isOver);
        if (again.kind === "malformed" && again.message === "whole too early")
          expect(parsed).toMatchObject({ kind: "whole", surplusBytes: expect.any(Number) as number });
        else expect(again.kind).toBe(parsed.kind);
        if (again.kind === "whole")
          expect(again).toMatchObject({ ...parsed, surplusBytes: again.surplusBytes });
      }),
      { numRuns: 5_000 },
    );
    // Else the changes would be of the wrong sort.
    expect(seen.malformed).toBeGreaterThan(1_000);
    expect(seen.whole).toBeGreaterThan(100);
    expect(seen.more).toBeGreaterThan(100);
  });

  it("a head that it takes, the proxy takes and reads in the same way", () => {
    let taken = 0;
    fc.assert(
      fc.property(mutatedArbitrary, ({ bytes, method }) => {
        const headEnd = bytes.indexOf("\r\n\r\n") + 4;
        const head = bytes.subarray(0, headEnd);
        const parser = new AnswerParser();
        parser.begin(method);
        let isWhole: boolean;
        try {
          isWhole = parser.read(head, head.length);
        } catch {
          return;
        }
        if (parser.status === 0) return;
        taken += 1;
        const inProxy = parseAnswerHead(head, method);
        expect(inProxy?.status).toBe(parser.status);
        expect(inProxy?.framing.by === "nothing").toBe(isWhole);
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(300);
  });
});
