import fc from "fast-check";

/** Generators of HTTP/1.1 streams in every framing, as their peers might send them. Text is Latin-1, a byte a character. */
export interface GeneratedExchange {
  readonly path: string;
  readonly method: string;
  /** The request. */
  readonly request: Message;
  /** Interim answers, then the answer. */
  readonly interim: string;
  readonly answer: Message;
}

export interface Message {
  /** With its empty line. */
  readonly head: string;
  /** With its framing. */
  readonly body: string;
  /** Where in `body` its data lies, as [from, to). */
  readonly data: readonly (readonly [number, number])[];
}

export const whole = ({ head, body }: Message): string => head + body;

const bytes = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
const someBytes = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
const headerLine = fc.constantFrom(
  "Host: a\r\n",
  "X-Odd:no space\r\n",
  "x-empty:\r\n",
  "X-Latin: \xe9\r\n",
  "baggage: a=1\r\n",
  "Accept: text/html, */*;q=0.1 \r\n",
);
const headers = fc.array(headerLine, { maxLength: 3 }).map((lines) => lines.join(""));

interface Body {
  readonly lines: string;
  readonly body: string;
  readonly data: readonly (readonly [number, number])[];
}

const noBody: Body = { lines: "", body: "", data: [] };
const byLength = fc
  .tuple(bytes, fc.constantFrom("Content-Length", "content-length", "CONTENT-LENGTH"))
  .map(([body, name]): Body => ({ lines: `${name}: ${body.length}\r\n`, body, data: [[0, body.length]] }));
const byChunks = fc
  .tuple(
    fc.array(fc.tuple(someBytes, fc.constantFrom("", ";a=b", ' ; q="x"')), { maxLength: 4 }),
    fc.constantFrom("", "X-Trailer: 1\r\n", "A: 1\r\nB: 2\r\n"),
  )
  .map(([chunks, trailers]): Body => {
    let body = "";
    const data = chunks.map(([chunk, extension]) => {
      body += `${chunk.length.toString(16)}${extension}\r\n`;
      const from = body.length;
      body += `${chunk}\r\n`;
      return [from, from + chunk.length] as const;
    });
    return { lines: "Transfer-Encoding: chunked\r\n", body: `${body}0\r\n${trailers}\r\n`, data };
  });

const anyBody = fc.oneof(byLength, byChunks);

const exchange = (paths: readonly string[]): fc.Arbitrary<GeneratedExchange> =>
  fc
    .record({
      method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE"),
      path: fc.constantFrom(...paths),
      query: fc.constantFrom("", "?a=b"),
      requestHeaders: headers,
      requestBody: fc.oneof(fc.constant(noBody), anyBody),
      interim: fc.constantFrom(
        "",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
      ),
      status: fc.constantFrom(
        "200 OK",
        "201",
        "204 No Content",
        "304 Not Modified",
        "404 Not Found",
        "500 \xe9",
      ),
      answerHeaders: headers,
      answerBody: anyBody,
    })
    .map((given) => {
      const { method, path, query, requestBody, answerBody, status } = given;
      const hasBody = method !== "HEAD" && !/^(?:204|304)/.test(status);
      const lines = hasBody || !status.startsWith("204") ? answerBody.lines : "";
      return {
        path,
        method,
        request: {
          head: `${method} ${path}${query} HTTP/1.1\r\n${given.requestHeaders}${requestBody.lines}\r\n`,
          body: requestBody.body,
          data: requestBody.data,
        },
        interim: given.interim,
        answer: {
          head: `HTTP/1.1 ${status}\r\n${given.answerHeaders}${lines}\r\n`,
          body: hasBody ? answerBody.body : "",
          data: hasBody ? answerBody.data : [],
        },
      };
    });

export const exchanges = (paths: readonly string[]) =>
  fc.array(exchange(paths), { minLength: 1, maxLength: 6 });

/** Sizes of the pieces in which a stream arrives, used over and over. */
export const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 })), {
  minLength: 1,
  maxLength: 20,
});
