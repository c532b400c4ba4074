import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallToxic } from "../toxic.ts";
import { cuts, exchanges, whole, type GeneratedExchange, type Message } from "./http-stream.fixture.ts";
import { httpToxic, openHttpSession } from "./http.fixture.ts";

/**
 * Random streams, cut at random places, through every fault: what is not taken arrives byte for byte. A callee is played
 * that answers each request once it has come whole.
 */
type Session = ReturnType<typeof openHttpSession>;

const everyKind: readonly (readonly [
  string,
  Readonly<Record<string, unknown>>,
  ("upstream" | "downstream")?,
])[] = [
  ["http_status", { status: 503 }],
  ["http_delay", { delay: 3_600_000 }],
  ["http_delay", { delay: 3_600_000, before: "answer" }],
  ["http_delay", { delay: 3_600_000, before: "piece" }],
  ["http_abort", {}],
  ["http_abort", { when: "after-head" }],
  ["http_lost_response", { then: "reset" }],
  ["http_lost_response", { then: "hang" }],
  ["http_duplicate", {}],
  ["http_truncate", {}, "downstream"],
  ["http_truncate", { bytes: 3 }, "upstream"],
  ["http_corrupt", { bytes: 2 }, "downstream"],
  ["http_corrupt", { bytes: 2 }, "upstream"],
  ["http_corrupt", { field: "/a", value: 1 }],
  ["http_header", { set: { "X-Set": "1" } }, "downstream"],
  ["http_header", { remove: ["accept"] }, "upstream"],
  ["http_rate_limit", { rate: 0.001 }],
];

const kinds = everyKind.map(
  (kind) => [`${kind[0]} ${JSON.stringify(kind[1])} ${kind[2] ?? ""}`, kind] as const,
);

/** Lets the requests in, and answers them as they come out. @param sent what the callee will have got once each is whole */
function converse(
  session: Session,
  given: readonly GeneratedExchange[],
  sizes: readonly number[],
  sent: readonly string[],
) {
  let turn = 0;
  const pieces = (stream: string) => {
    let rest = stream;
    return () => {
      const size = sizes[turn++ % sizes.length] ?? 1;
      const piece = rest.slice(0, size);
      rest = rest.slice(size);
      return Buffer.from(piece, "latin1");
    };
  };
  const nextRequest = pieces(given.map(({ request }) => whole(request)).join(""));
  let answered = 0;
  let nextAnswer = pieces("");
  for (;;) {
    const request = nextRequest();
    if (request.length > 0) session.request(request);
    let answer = nextAnswer();
    const due = sent.slice(0, answered + 1).join("");
    if (answer.length === 0 && answered < given.length && session.sent("upstream").length >= due.length) {
      const next = given[answered];
      if (next && sent[answered] !== "") nextAnswer = pieces(next.interim + whole(next.answer));
      answered += 1;
      answer = nextAnswer();
    }
    if (answer.length > 0) session.answer(answer);
    if (request.length === 0 && answer.length === 0 && (answered === given.length || session.isOver)) return;
    if (turn > 100_000) throw new Error("does not end");
  }
}

function answers(given: readonly GeneratedExchange[]): string {
  return given.map(({ interim, answer }) => interim + whole(answer)).join("");
}

describe.each(kinds)("%s", (_, [type, attributes, stream]) => {
  const toxic = (match: string): CallToxic => httpToxic(type, { ...attributes, match }, stream && { stream });

  it("that takes nothing leaves every byte as it is, both ways", () => {
    fc.assert(
      fc.property(exchanges(["/left", "/a/b"]), cuts, (given, sizes) => {
        const session = openHttpSession([toxic("/never")]);
        const sent = given.map(({ request }) => whole(request));
        converse(session, given, sizes, sent);
        session.session.upstream.end("fin");
        session.session.downstream.end("fin");
        expect(session.sent("upstream")).toBe(sent.join(""));
        expect(session.sent("downstream")).toBe(answers(given));
        expect(session.endings).toEqual({ upstream: ["fin"], downstream: ["fin"] });
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is not taken arrives as it is around what is:", () => {
  const paths = ["/left", "/taken"];
  const check = (
    toxic: () => CallToxic,
    expected: (given: readonly GeneratedExchange[]) => { up: readonly string[]; down: readonly string[] },
    numRuns = 100,
  ): void =>
    fc.assert(
      fc.property(exchanges(paths), cuts, (given, sizes) => {
        const session = openHttpSession([toxic()]);
        const { up, down } = expected(given);
        converse(session, given, sizes, up);
        expect(session.sent("upstream")).toBe(up.join(""));
        expect(session.sent("downstream")).toBe(down.join(""));
      }),
      { numRuns },
    );
  const made = (status: string, { method }: GeneratedExchange, extra = ""): string => {
    const body = `${status.slice(4)}\n`;
    const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n${extra}\r\n`;
    return method === "HEAD" ? head : head + body;
  };
  const answer = ({ interim, answer }: GeneratedExchange): string => interim + whole(answer);

  it("http_status", () =>
    check(
      () => httpToxic("http_status", { status: 503, match: "/taken" }),
      (given) => ({
        up: given.map((one) => (one.path === "/taken" ? "" : whole(one.request))),
        down: given.map((one) =>
          one.path === "/taken" ? made("503 Service Unavailable", one) : answer(one),
        ),
      }),
    ));

  it("http_rate_limit", () =>
    check(
      () => httpToxic("http_rate_limit", { rate: 0.001, burst: 1, match: "/taken" }),
      (given) => {
        let count = 0;
        const isOver = given.map(({ path }) => path === "/taken" && (count += 1) > 1);
        return {
          up: given.map((one, index) => (isOver[index] ? "" : whole(one.request))),
          down: given.map((one, index) =>
            isOver[index] ? made("429 Too Many Requests", one, "Retry-After: 1\r\n") : answer(one),
          ),
        };
      },
    ));

  it.each(["upstream", "downstream"] as const)("http_header, %s", (stream) => {
    const set = (message: Message): string =>
      whole({ ...message, head: `${message.head.slice(0, -2)}X-Set: 1\r\n\r\n` });
    const isSet = (one: GeneratedExchange, there: string): boolean =>
      one.path === "/taken" && stream === there;
    check(
      () => httpToxic("http_header", { set: { "X-Set": "1" }, match: "/taken" }, { stream }),
      (given) => ({
        up: given.map((one) => (isSet(one, "upstream") ? set(one.request) : whole(one.request))),
        down: given.map(
          (one) => one.interim + (isSet(one, "downstream") ? set(one.answer) : whole(one.answer)),
        ),
      }),
    );
  });

  it.each(["upstream", "downstream"] as const)(
    "http_corrupt changes as many bytes of data as it says, %s",
    (stream) => {
      fc.assert(
        fc.property(exchanges(paths), cuts, (given, sizes) => {
          const session = openHttpSession([
            httpToxic("http_corrupt", { bytes: 3, match: "/taken" }, { stream }),
          ]);
          const sent = given.map(({ request }) => whole(request));
          converse(session, given, sizes, sent);
          const other = stream === "upstream" ? "downstream" : "upstream";
          const was = { upstream: sent.join(""), downstream: answers(given) };
          expect(session.sent(other)).toBe(was[other]);
          const is = session.sent(stream);
          expect(is).toHaveLength(was[stream].length);
          let at = 0;
          for (const one of given) {
            const message = stream === "upstream" ? one.request : one.answer;
            at += (stream === "upstream" ? 0 : one.interim.length) + message.head.length;
            const sizeBytes = message.data.reduce((sum, [from, to]) => sum + to - from, 0);
            const changed = [...message.body].flatMap((char, index) =>
              is[at + index] === char ? [] : [index],
            );
            expect(changed).toHaveLength(one.path === "/taken" ? Math.min(3, sizeBytes) : 0);
            for (const index of changed)
              expect(message.data.some(([from, to]) => index >= from && index < to)).toBe(true);
            at += message.body.length;
          }
        }),
        { numRuns: 100 },
      );
    },
  );

  it.each([
    ["http_abort", { when: "before-call" }],
    ["http_abort", { when: "after-head" }],
    ["http_lost_response", { then: "close" }],
  ])("%s %j: all before it arrives, nothing after", (type, attributes) =>
    fc.assert(
      fc.property(exchanges(paths), cuts, (given, sizes) => {
        const session = openHttpSession([httpToxic(type, { ...attributes, match: "/taken" })]);
        const first = given.findIndex(({ path }) => path === "/taken");
        const before = first < 0 ? given : given.slice(0, first);
        converse(
          session,
          given,
          sizes,
          given.map(({ request }) => whole(request)),
        );
        const taken = given[first];
        const own =
          taken && "when" in attributes && attributes.when === "after-head"
            ? taken.interim + taken.answer.head
            : "";
        expect(session.sent("downstream")).toBe(answers(before) + own);
        expect(session.isOver).toBe(first >= 0);
      }),
      { numRuns: 100 },
    ),
  );
});

it("faults that come and go at random lose, repeat and reorder no byte", () => {
  fc.assert(
    fc.property(
      exchanges(["/left", "/taken"]),
      cuts,
      fc.array(fc.boolean(), { minLength: 1 }),
      (given, sizes, changes) => {
        const toxics = ["call", "answer", "piece"].map((before) =>
          httpToxic("http_delay", { delay: 3_600_000, before, match: "/taken" }),
        );
        const session = openHttpSession(toxics);
        const requests = Buffer.from(given.map(({ request }) => whole(request)).join(""), "latin1");
        const replies = Buffer.from(answers(given), "latin1");
        let [requestAt, replyAt, step] = [0, 0, 0];
        while (requestAt < requests.length || replyAt < replies.length) {
          const size = sizes[step % sizes.length] ?? 1;
          session.session.upstream.write(requests.subarray(requestAt, (requestAt += size)));
          // Never an answer before its request, however far the calls are held.
          if (session.sent("upstream").length === requests.length)
            session.session.downstream.write(replies.subarray(replyAt, (replyAt += size)));
          else if (requestAt >= requests.length) session.session.apply([]);
          if (changes[step % changes.length]) session.session.apply(step % 2 === 0 ? [] : toxics);
          step += 1;
        }
        session.session.apply([]);
        expect(session.sent("upstream")).toBe(requests.toString("latin1"));
        expect(session.sent("downstream")).toBe(replies.toString("latin1"));
      },
    ),
    { numRuns: 200 },
  );
});
