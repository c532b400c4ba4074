import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCallee, type Callee } from "../service-kit/callee.ts";
import { parsePatterns } from "../service-kit/patterns/patterns.ts";
import { Contacts } from "./contacts.ts";

/** A user service that answers what a test says. */

let answer: { readonly status: number; readonly body: unknown };
let asked: string[];
let user: Callee;
const server = createServer((request, response) => {
  asked.push(request.url ?? "");
  response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  user = createCallee(
    "user",
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    parsePatterns("none"),
  );
});
afterAll(async () => {
  await user.close();
  server.close();
  await once(server, "close");
});

function contactsWhere(status: number, body: unknown): Contacts {
  answer = { status, body };
  asked = [];
  return new Contacts(user);
}

const first = (userId: string) => ({ userId, claim: "1" });
const anna = { userId: "u/1", email: "anna@shop", phone: "+491", name: "Anna", channels: ["email", "sms"] };

it("a user is asked for once, for both channels", async () => {
  const contacts = contactsWhere(200, anna);
  const both = await Promise.all([
    contacts.addressee(first("u/1"), "email"),
    contacts.addressee(first("u/1"), "sms"),
  ]);
  expect(both).toEqual([
    { kind: "reachable", address: "anna@shop", name: "Anna" },
    { kind: "reachable", address: "+491", name: "Anna" },
  ]);
  expect(asked).toEqual(["/users/u%2F1/contact"]);
  contacts.forget("u/1");
  await contacts.addressee(first("u/1"), "email");
  expect(asked).toHaveLength(2);
});

it("a message that is tried again asks anew", async () => {
  const contacts = contactsWhere(200, anna);
  await contacts.addressee(first("u/1"), "sms");
  answer = { status: 200, body: { ...anna, phone: "+492" } };
  expect(await contacts.addressee(first("u/1"), "sms")).toMatchObject({ address: "+491" });
  expect(await contacts.addressee({ userId: "u/1", claim: "2" }, "sms")).toMatchObject({ address: "+492" });
});

it.each([
  ["who is gone", 404, { error: "user-not-found" }],
  ["who wants no SMS", 200, { ...anna, channels: ["email"] }],
  ["who has no phone", 200, { ...anna, phone: null }],
])("a user %s is skipped", async (_, status, body) => {
  expect(await contactsWhere(status, body).addressee(first("u"), "sms")).toMatchObject({ kind: "skipped" });
});

it.each([
  ["a 404 of somebody else", 404, { error: "not-found" }],
  ["a 404 that says nothing", 404, "gone"],
  ["a failure", 500, { error: "internal" }],
  ["a refusal", 403, { error: "forbidden" }],
  ["a contact without an address", 200, { ...anna, email: undefined }],
])("%s is no reason to skip a user, and is not kept", async (_, status, body) => {
  const contacts = contactsWhere(status, body);
  expect(await contacts.addressee(first("u"), "email")).toMatchObject({ kind: "held" });
  answer = { status: 200, body: anna };
  expect(await contacts.addressee(first("u"), "email")).toMatchObject({ kind: "reachable" });
});
