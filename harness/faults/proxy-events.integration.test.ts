import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { followEvents, type ProxyEvent, type ProxyEvents } from "./proxy-events.ts";

// A server that speaks the proxy's `GET /events`, and does to its listeners what a proxy in trouble would.
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[];
let heard: { id: number; event: ProxyEvent }[];
let events: ProxyEvents | undefined;
const server = createServer((request, response) => {
  requests.push(request);
  answer(request, response);
});

beforeEach(async () => {
  requests = [];
  heard = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  events?.[Symbol.dispose]();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

function follow(): ProxyEvents {
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  events = followEvents({ url, onEvent: (event, id) => heard.push({ id, event }) });
  return events;
}

function began(id: number): string {
  const data = { id, at_ms: 1_000 + id, event: "fault-began", proxy: "a->b", toxic: "f1", type: "noop" };
  return `id: ${id}\nevent: fault-began\ndata: ${JSON.stringify(data)}\n\n`;
}

const ids = (): number[] => heard.map(({ id }) => id);
const heardAll = (count: number) =>
  waitFor({ what: `${count} events`, withinMs: 5_000 }, () => heard.length >= count);

test("events are told as they come, each with its id", async () => {
  answer = (_request, response) => {
    response.write(began(1));
    response.write(
      'id: 2\nevent: call-affected\ndata: {"at_ms":5.5,"proxy":"a->b","toxic":"f1","type":"http_status",' +
        '"request":3,"call":"GET /a","trace_id":null,"effect":"answered 503"}\n\n',
    );
  };
  const stream = follow();
  await stream.opened;
  await heardAll(2);
  expect(stream.problem).toBeUndefined();
  expect(heard[1]).toEqual({
    id: 2,
    event: {
      event: "call-affected",
      at_ms: 5.5,
      proxy: "a->b",
      toxic: "f1",
      type: "http_status",
      request: 3,
      call: "GET /a",
      trace_id: null,
      effect: "answered 503",
    },
  });
});

test("a connection that breaks is taken up behind the last event, and none is told twice", async () => {
  answer = (request, response) => {
    const after = Number(request.headers["last-event-id"]);
    // Says again what was said, then one more; cuts the next in the middle.
    response.write(began(after) + began(after + 1) + began(after + 2).slice(0, 20));
    setImmediate(() => response.destroy());
  };
  follow();
  await heardAll(3);
  expect(ids().slice(0, 3)).toEqual([1, 2, 3]);
  expect(requests.slice(0, 3).map(({ headers }) => headers["last-event-id"])).toEqual(["0", "1", "2"]);
});

test("a proxy that ends its stream in order is asked again", async () => {
  answer = (request, response) => response.end(began(Number(request.headers["last-event-id"]) + 1));
  follow();
  await heardAll(2);
  expect(ids().slice(0, 2)).toEqual([1, 2]);
});

test("a proxy that has no events says why, and is heard as soon as it has", async () => {
  answer = (_request, response) => response.writeHead(404).end("404 page not found");
  const stream = follow();
  await expect(stream.opened).rejects.toMatchObject({ code: "SQUALL_PROXY" });
  expect(stream.problem).toMatch(/^GET \/events at the proxy on http:.* answered 404$/);
  answer = (_request, response) => response.write(began(1));
  await heardAll(1);
  expect(stream.problem).toBeUndefined();
});

test("what is no event of ours is passed over, and so is one that is no JSON", async () => {
  answer = (_request, response) => {
    response.write(
      `id: 1\nevent: weather\ndata: {"at_ms":1}\n\nid: 2\nevent: fault-began\ndata: {\n\n${began(3)}`,
    );
  };
  follow();
  await heardAll(1);
  expect(ids()).toEqual([3]);
});

test("whoever does not listen any more is told nothing, and leaves no connection behind", async () => {
  answer = (_request, response) => response.write(began(1));
  const stream = follow();
  await heardAll(1);
  stream[Symbol.dispose]();
  await waitFor({ what: "the connection closes", withinMs: 5_000 }, () => requests[0]?.socket.destroyed);
  expect(requests).toHaveLength(1);
});

test("whoever stops listening at an event is not told the ones that came with it", async () => {
  answer = (_request, response) => response.write(began(1) + began(2) + began(3));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const stream = followEvents({
    url,
    onEvent(event, id) {
      heard.push({ id, event });
      stream[Symbol.dispose]();
    },
  });
  await heardAll(1);
  await waitFor({ what: "the connection closes", withinMs: 5_000 }, () => requests[0]?.socket.destroyed);
  expect(ids()).toEqual([1]);
});
