import { describe, expect, it } from "vitest";
import { FaultLedger } from "../fault-ledger.ts";
import { httpToxic, openHttpSession } from "./http.fixture.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const teapot = () => httpToxic("http_status", { status: 418, match: "/taken" });
const held = { delay: 3_600_000, match: "/taken" };

describe("on a connection that has carried bytes, a session begins", () => {
  it("with the first request that follows bytes from upstream", () => {
    const session = openHttpSession([teapot()], "upstream");
    session.request(get("/taken"));
    expect(session.sent("upstream")).toBe(get("/taken"));
    session.answer(ok);
    session.request("body that goes on\r\n");
    session.answer(ok);
    session.request(get("/taken"));
    expect(session.sent("upstream")).toBe(`${get("/taken")}body that goes on\r\n`);
    expect(session.sent("downstream")).toContain("418");
  });

  it("with the next one, when the one before was answered here", () => {
    const session = openHttpSession([teapot()]);
    session.request(get("/taken"));
    session.session.apply([]);
    session.session.apply([teapot()]);
    session.request(get("/taken"));
    expect(session.sent("upstream")).toBe("");
    expect(session.sent("downstream").split("418")).toHaveLength(3);
  });

  it("again after it has slept", () => {
    const toxic = teapot();
    const session = openHttpSession([toxic]);
    session.session.apply([]);
    session.request(get("/taken"));
    session.session.apply([toxic]);
    session.request(get("/taken"));
    session.answer(ok + ok);
    session.request(get("/taken"));
    expect(session.sent("upstream")).toBe(get("/taken").repeat(2));
    expect(toxic.fault.matched.requests).toBe(1);
  });
});

it("bytes that belong together leave together, although a fault reads them", () => {
  const session = openHttpSession([teapot()]);
  const pipelined = Buffer.from(post("/a") + post("/b"));
  session.session.upstream.write(pipelined);
  expect(session.chunks("upstream")).toHaveLength(1);
  expect(session.chunks("upstream")[0]?.buffer).toBe(pipelined.buffer);
});

it("a fault that is removed lets go of a head that has come in part", () => {
  const session = openHttpSession([teapot()]);
  session.request(get("/taken").slice(0, 20));
  expect(session.sent("upstream")).toBe("");
  session.session.apply([]);
  expect(session.sent("upstream")).toBe(get("/taken").slice(0, 20));
});

it("answers that cannot be read let all go that is held", () => {
  const toxic = httpToxic("http_delay", held);
  const session = openHttpSession([toxic]);
  session.request(get("/left") + get("/taken") + get("/left"));
  expect(session.sent("upstream")).toBe(get("/left"));
  session.answer("what is this\r\n");
  session.answer(ok);
  expect(session.sent("upstream")).toBe(get("/left") + get("/taken") + get("/left"));
  expect(session.sent("downstream")).toBe(`what is this\r\n${ok}`);
  expect(toxic.fault.unreadableConnections).toBe(1);
});

it("answers that cannot be read reset a connection on which a call is to be answered here", () => {
  const session = openHttpSession([teapot()]);
  session.request(get("/left") + get("/taken"));
  session.answer("what is this\r\n");
  expect(session.endings.downstream).toEqual(["reset"]);
});

it("requests that cannot be read pass, once those before them are answered as they should", () => {
  const session = openHttpSession([teapot()]);
  session.request(`${get("/left")}${get("/taken")}what is this\r\n`);
  session.answer(`${ok}and this\r\n`);
  expect(session.sent("upstream")).toBe(`${get("/left")}what is this\r\n`);
  expect(session.sent("downstream")).toMatch(/^HTTP\/1\.1 200 OK[^]+ok[^]+418[^]+and this\r\n$/);
});

describe("a request that is answered here", () => {
  it("and ends before its end closes the connection, without an answer", () => {
    for (const broken of ["zz\r\n", undefined]) {
      const toxic = teapot();
      const session = openHttpSession([toxic]);
      session.request("PUT /taken HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
      if (broken === undefined) session.session.upstream.end("fin");
      else session.request(broken);
      expect(session.endings.downstream).toEqual(["close"]);
      expect(session.sent("downstream")).toBe("");
      expect(toxic.fault.affected.requests).toBe(0);
    }
  });

  it("closes when the callee's connection breaks before its end", () => {
    const session = openHttpSession([teapot()]);
    session.request("PUT /taken HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
    session.session.upstream.drop();
    session.session.downstream.end("reset");
    expect(session.isOver).toBe(true);
  });
});

describe("an answer that is lost", () => {
  const lost = (then: string) => httpToxic("http_lost_response", { then, match: "/taken" });

  it("takes its interim answers with it, but for 100 Continue, without which there would be no request", () => {
    const session = openHttpSession([lost("hang")]);
    session.request(post("/taken"));
    session.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
    session.answer(ok);
    expect(session.sent("downstream")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  });

  it("and leaves the caller hanging, does so until the callee's connection breaks", () => {
    const session = openHttpSession([lost("hang")]);
    session.request(get("/taken"));
    session.answer(ok);
    session.session.downstream.end("fin");
    expect(session.isOver).toBe(false);
    session.session.downstream.end("reset");
    expect(session.endings.downstream).toEqual(["reset"]);
  });

  it("to a caller that sends no more ends the connection: nobody could tell when it gives up", () => {
    const session = openHttpSession([lost("hang")]);
    session.request(get("/taken"));
    session.session.upstream.end("fin");
    session.answer(ok);
    expect(session.endings.downstream).toEqual(["close"]);
  });

  it("in part, when the fault is removed, is reset: what is left of it is no answer", () => {
    const session = openHttpSession([lost("close")]);
    session.request(get("/taken"));
    session.answer(ok.slice(0, -1));
    session.session.apply([]);
    expect(session.endings.downstream).toEqual(["reset"]);
  });

  it("of which nothing has come, when the fault is removed, arrives", () => {
    const session = openHttpSession([lost("close")]);
    session.request(get("/taken"));
    session.session.apply([]);
    session.answer(ok);
    expect(session.sent("downstream")).toBe(ok);
  });

  it("and ends with the connection, counts as lost", () => {
    const toxic = lost("close");
    const session = openHttpSession([toxic]);
    session.request(get("/taken"));
    session.answer("HTTP/1.1 200 OK\r\n\r\nto the end");
    session.session.downstream.end("fin");
    expect(session.endings.downstream).toEqual(["close"]);
    expect(toxic.fault.affected).toEqual({ requests: 1, connections: 1, bytes: 29 });
  });
});

it("a request that is kept to be changed goes on as it is when the fault is removed", () => {
  const session = openHttpSession([httpToxic("http_corrupt", { match: "/taken" }, { stream: "upstream" })]);
  session.request(post("/taken").slice(0, -1));
  expect(session.sent("upstream")).toBe("");
  session.session.apply([]);
  expect(session.sent("upstream")).toBe(post("/taken").slice(0, -1));
});

it("a body of more than 1 MiB is changed within its first MiB, by the same draw wherever it is cut", () => {
  const body = Buffer.alloc(3 * 1_024 * 1_024, "x");
  const changed = [10_000, 65_536, 1_000_000].map((size) => {
    const session = openHttpSession([httpToxic("http_corrupt", { bytes: 5 }, { stream: "upstream" })]);
    session.request(`PUT / HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += size) session.request(body.subarray(at, at + size));
    const sent = session.sent("upstream").split("\r\n\r\n")[1] ?? "";
    expect(sent).toHaveLength(body.length);
    return [...sent.matchAll(/[^x]/g)].map(({ index }) => index);
  });
  expect(changed[0]).toHaveLength(5);
  expect(Math.max(...(changed[0] ?? []))).toBeLessThan(1_024 * 1_024);
  expect(changed[1]).toEqual(changed[0]);
  expect(changed[2]).toEqual(changed[0]);
});

it("a request that waits for 100 Continue is not kept to be changed: its body would never come", () => {
  const session = openHttpSession([httpToxic("http_corrupt", {}, { stream: "upstream" })]);
  const head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  session.request(head);
  expect(session.sent("upstream")).toBe(head);
});

it("a pipeline of more than 1,024 requests waits for answers", () => {
  const toxic = teapot();
  const session = openHttpSession([toxic]);
  session.request(get("/left").repeat(1_500));
  session.request(get("/left").repeat(3_000));
  expect(toxic.fault.matched.requests).toBe(0);
  expect(session.sent("upstream")).toBe(get("/left").repeat(1_024));
  expect(session.session.upstream.isFull()).toBe(true);
  for (let count = 0; count < 4_500; count += 1) session.answer(ok);
  expect(session.sent("upstream")).toBe(get("/left").repeat(4_500));
  expect(session.sent("downstream")).toBe(ok.repeat(4_500));
});

it("two faults hold a call one after the other, and each lets go for itself", () => {
  const [first, second] = [httpToxic("http_delay", held), httpToxic("http_delay", held)];
  const session = openHttpSession([first, second]);
  session.request(get("/taken"));
  expect([first.fault.affected.requests, second.fault.affected.requests]).toEqual([1, 0]);
  session.session.apply([second]);
  expect(second.fault.affected.requests).toBe(1);
  expect(session.sent("upstream")).toBe("");
  session.session.apply([]);
  expect(session.sent("upstream")).toBe(get("/taken"));
});

it("a copy that waits for its delay is not sent when the fault is removed, on a connection that lives on", () => {
  const session = openHttpSession([httpToxic("http_duplicate", { delay: 3_600_000 })]);
  session.request(post("/left"));
  expect(session.session.copies.isIdle).toBe(true);
  session.answer(ok);
  expect(session.session.copies.isIdle).toBe(false);
  session.session.apply([]);
  expect(session.session.copies.isIdle).toBe(true);
});

it("an event says which call, in the words of its match, and what was done", () => {
  const ledger = new FaultLedger();
  const match = "POST /orders/:id";
  const session = openHttpSession([
    httpToxic("http_delay", { delay: 1_000, match }, { ledger }),
    httpToxic("http_header", { set: { "x-a": "1" } }, { ledger, stream: "upstream" }),
  ]);
  session.request(`POST /orders/4711?card=4000 HTTP/1.1\r\ntraceparent: 00-${"a".repeat(32)}-b-1\r\n\r\n`);
  session.session.apply([]);
  const events = ledger.events.kept.flatMap(({ event }) => (event.event === "call-affected" ? [event] : []));
  expect(events).toMatchObject([
    {
      type: "http_delay",
      request: 1,
      call: "POST /orders/:id",
      trace_id: "a".repeat(32),
      effect: "delayed the call by 1000 ms",
    },
  ]);
  expect(JSON.stringify(events)).not.toContain("4711");
});
