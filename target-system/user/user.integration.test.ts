import { decodeProtectedHeader } from "jose";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Query } from "../service-kit/database.ts";
import { proofOf } from "../service-kit/identity/identity.fixture.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { checkSuspects, countFailure, forgive, suspectsOf } from "./guesses.ts";

/** The user service alone: two replicas, started at once on an empty database. */

let postgres: TestPostgres;
let url: string;
let rows: pg.Pool;
let user: TestService;
let twin: TestService;

const start = (databaseUrl: string, env: Readonly<Record<string, string>> = {}): Promise<TestService> =>
  startTestService({ main: "user/main.ts", env: { DATABASE_URL: databaseUrl, ...env } });

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.database("user");
  rows = new pg.Pool({ connectionString: url, max: 2 });
  [user, twin] = await Promise.all([start(url), start(url)]);
});
afterAll(async () => {
  await Promise.all([user, twin].map((replica) => replica.stop("SIGKILL")));
  await rows.end();
  await postgres[Symbol.asyncDispose]();
});

interface Tokens {
  readonly userId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

const emailOf = (number: string): string => `user-${number}@shop.example`;
/** @param from the client's address, as the gateway tells it */
const logIn = (email: string, password: string, from = "198.51.100.1", replica = user) =>
  replica.as("gateway").request("POST", "/sessions", { email, password }, { "x-forwarded-for": from });
const logInSeeded = async (number: string): Promise<Tokens> => {
  const { status, body } = await logIn(emailOf(number), `password-${number}`);
  expect(status).toBe(201);
  return body as Tokens;
};
const refresh = (refreshToken: string, replica = user) =>
  replica.as("gateway").request("POST", "/sessions/refresh", { refreshToken });

describe("sessions", () => {
  const over = { status: 401, body: { error: "session-over" } };

  it("a refresh token is good once and gives the next one, at any replica", async () => {
    const first = await logInSeeded("001");
    const second = await refresh(first.refreshToken, twin);
    expect(second).toMatchObject({ status: 200, body: { userId: "user-001", expiresInSeconds: 900 } });
    const { refreshToken } = second.body as Tokens;
    expect(refreshToken).not.toBe(first.refreshToken);
    expect((await refresh(refreshToken)).status).toBe(200);
  });

  it("an old refresh token that comes back ends its session, for the newest token, too, and no other session", async () => {
    const [stolen, other] = [await logInSeeded("002"), await logInSeeded("002")];
    const { refreshToken: newest } = (await refresh(stolen.refreshToken)).body as Tokens;
    expect(await refresh(stolen.refreshToken)).toMatchObject(over);
    expect(await refresh(newest)).toMatchObject(over);
    expect((await refresh(other.refreshToken)).status).toBe(200);
  });

  it("of ten uses of one refresh token at once, one at most is answered with tokens", async () => {
    const { refreshToken } = await logInSeeded("003");
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => refresh(refreshToken, n % 2 === 0 ? user : twin)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("log-out ends the session, may be repeated, and takes any token for an answer", async () => {
    const { refreshToken } = await logInSeeded("004");
    const end = (token: string) =>
      user.as("gateway").request("POST", "/sessions/end", { refreshToken: token });
    for (const token of [refreshToken, refreshToken, "none", `${refreshToken}x`])
      expect((await end(token)).status).toBe(204);
    expect(await refresh(refreshToken)).toMatchObject(over);
  });

  it.each([
    "",
    "none",
    "00000000-0000-4000-8000-000000000000.AAAA",
    `00000000-0000-4000-8000-000000000000.${"A".repeat(43)}`,
  ])("a refresh token that never was is refused: %s", async (token) => {
    expect(await refresh(token)).toMatchObject(over);
  });

  it("a session is over after its time", async () => {
    const { refreshToken } = await logInSeeded("005");
    await rows.query("update sessions set expires_at = now() where id = $1", [refreshToken.split(".")[0]]);
    expect(await refresh(refreshToken)).toMatchObject(over);
  });

  it("no token and no password is stored as it is", async () => {
    const { refreshToken } = await logInSeeded("006");
    const { rows: stored } = await rows.query<{ readonly text: string }>(
      "select s::text as text from sessions s union all select u::text from users u",
    );
    const all = stored.map(({ text }) => text).join("\n");
    expect(all).not.toContain(refreshToken.split(".")[1]);
    expect(all).not.toContain("password-006");
    expect(user.log() + twin.log()).not.toContain(refreshToken);
  });
});

describe("guessing", () => {
  let from = "";
  let guessers = 0;
  /** Each test guesses from an address of its own. */
  beforeEach(() => {
    guessers += 1;
    from = `203.0.113.${guessers}`;
  });

  const wrong = { status: 401, body: { error: "wrong-credentials" } };
  const heldUp = { status: 429, body: { error: "too-many-attempts" } };

  /** Makes accounts of that many wrong passwords ones of so many more, the waits for which are over. */
  const age = (was: number, failures: number) =>
    rows.query(
      "update guesses set failures = $2, blocked_until = failed_at where failures = $1 and free_tries = 5",
      [was, failures],
    );
  const fail = async (number: string, failures: number): Promise<void> => {
    await logIn(emailOf(number), "wrong password", from);
    await age(1, failures);
  };

  it("after too many wrong passwords the right one has to wait, too, at any replica; other accounts need not", async () => {
    await fail("011", 20);
    expect(await logIn(emailOf("011"), "wrong password", from)).toMatchObject(wrong);
    const response = await fetch(`${twin.url}/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(await proofOf("gateway", "user")) },
      body: JSON.stringify({ email: emailOf("011").toUpperCase(), password: "password-011" }),
    });
    const waitSeconds = Number(response.headers.get("retry-after"));
    expect([response.status, waitSeconds > 800, waitSeconds <= 900]).toEqual([429, true, true]);
    expect((await logIn(emailOf("012"), "password-012", from)).status).toBe(201);
    await rows.query("update guesses set blocked_until = now() where free_tries = 5");
    expect((await logIn(emailOf("011"), "password-011", from)).status).toBe(201);
    const { rows: left } = await rows.query("select from guesses where free_tries = 5");
    expect(left).toEqual([]);
  });

  it("the wait doubles with each wrong password more", async () => {
    await fail("013", 4);
    const waits: number[] = [];
    for (let guess = 0; guess < 4; guess += 1) {
      expect(await logIn(emailOf("013"), "wrong password", from)).toMatchObject(wrong);
      const { rows: known } = await rows.query<{ readonly seconds: number }>(
        `update guesses set blocked_until = failed_at where blocked_until > failed_at
         returning extract(epoch from old.blocked_until - old.failed_at)::int as seconds`,
      );
      waits.push(...known.map(({ seconds }) => seconds));
    }
    expect(waits).toEqual([1, 2, 4, 8]);
  });

  it("an address without an account is answered as one with an account, held up as one, and takes as long", async () => {
    const account = { email: "anna@shop.example", password: "correct horse", name: "Anna" };
    expect((await user.as("gateway").request("POST", "/users", account)).status).toBe(201);
    const tried = [account.email, emailOf("014"), "nobody@shop.example"].map((email) => ({
      email,
      statuses: new Array<number>(),
      tookMs: new Array<number>(),
    }));
    for (let guess = 0; guess < 7; guess += 1)
      for (const { email, statuses, tookMs } of tried) {
        if (guess === 5) await age(5, 20);
        const startMs = performance.now();
        statuses.push((await logIn(email, "wrong password", from)).status);
        if (guess < 5) tookMs.push(performance.now() - startMs);
      }
    for (const { statuses } of tried) expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 429]);
    // Where nothing, or a seeded account's cheap hash alone, is worked out, it is a tenth.
    const quickest = tried.map(({ tookMs }) => Math.min(...tookMs));
    expect(Math.min(...quickest)).toBeGreaterThan(Math.max(...quickest) / 3);
  });

  it("of many wrong guesses at once one is answered, where one after another would be", async () => {
    await fail("015", 20);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        logIn(emailOf("015"), "wrong password", from, n % 2 === 0 ? user : twin),
      ),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(19);
  });

  it("nor is a right one told that was under way when wrong ones made its account wait", async () => {
    const query: Query = async <R>(text: string, values: readonly unknown[] = []) =>
      (await rows.query(text, [...values])).rows as R[];
    const suspects = suspectsOf(emailOf("017"), from);
    await checkSuspects(query, suspects);
    for (let guess = 0; guess < 5; guess += 1) await countFailure(query, suspects);
    await expect(forgive(query, suspects)).rejects.toMatchObject({ code: "too-many-attempts" });
  });

  it("a client that tries many accounts is held up at its address, and nobody else", async () => {
    const [guesser, neighbour] = ["2001:db8::1", "2001:db8::ffff"];
    await logIn("a-1@shop.example", "wrong password", guesser);
    await rows.query("update guesses set failures = 49 where free_tries = 50 and failures = 1");
    expect(await logIn("a-2@shop.example", "wrong password", neighbour)).toMatchObject(wrong);
    expect(await logIn(emailOf("016"), "password-016", guesser)).toMatchObject(heldUp);
    expect((await logIn(emailOf("016"), "password-016", "2001:db8:9::1")).status).toBe(201);
  });
});

describe("keys", () => {
  const keysOf = async (service: TestService): Promise<string[]> => {
    const { body } = await service.as("gateway").request("GET", "/.well-known/jwks.json");
    return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const signedWith = async (service: TestService): Promise<string | undefined> => {
    const { body } = await logIn(emailOf("021"), "password-021", undefined, service);
    return decodeProtectedHeader((body as Tokens).accessToken).kid;
  };

  it("replicas that start at once on an empty database sign with one key", async () => {
    const keys = await keysOf(user);
    expect(keys).toHaveLength(1);
    expect(await keysOf(twin)).toEqual(keys);
    expect([await signedWith(user), await signedWith(twin)]).toEqual([keys[0], keys[0]]);
  });

  it("a key is published before it signs, and the one before it stays while its tokens live", async () => {
    await using service = await start(await postgres.database("rotating"), { SIGNING_KEY_SECONDS: "3" });
    const [first] = await keysOf(service);
    await waitFor("the next key to sign", async () => {
      const published = await keysOf(service);
      const kid = await signedWith(service);
      expect(published).toContain(kid);
      return kid !== first;
    });
    expect(await keysOf(service)).toContain(first);
  });

  it("keys and tokens go on while the database is away", async () => {
    const own = await postgres.database("away");
    await using wire = await startTcpRelay(Number(new URL(own).port));
    await using service = await start(own.replace(/:\d+\//, `:${wire.port}/`));
    const keys = await keysOf(service);
    wire.become({ kind: "cut" });
    expect(await logIn(emailOf("022"), "password-022", undefined, service)).toMatchObject({ status: 503 });
    expect(await keysOf(service)).toEqual(keys);
  });
});

describe("profiles", () => {
  const change = (body: unknown, number = "031") =>
    user.as("gateway", `user-${number}`).request("PATCH", `/users/user-${number}/profile`, body);
  const address = {
    name: "Shopper",
    street: "High Street 1",
    postcode: "AB1 2CD",
    city: "Town",
    country: "GB",
  };

  it("is what was chosen, and the rest as it was", async () => {
    expect(await change({ favouriteCategories: ["books", "music"], addresses: [address] })).toMatchObject({
      status: 200,
      body: {
        name: "Shopper 031",
        phone: null,
        channels: ["email"],
        favouriteCategories: ["books", "music"],
      },
    });
    await change({ name: "Anna" });
    expect((await user.as("gateway", "user-031").request("GET", "/users/user-031/profile")).body).toEqual({
      userId: "user-031",
      email: "user-031@shop.example",
      name: "Anna",
      phone: null,
      channels: ["email"],
      favouriteCategories: ["books", "music"],
      addresses: [address],
    });
  });

  it("channels are those chosen; SMS needs a phone, and a phone that SMS needs stays", async () => {
    const contact = async (): Promise<unknown> =>
      (await user.as("notification").request("GET", "/users/user-032/contact")).body;
    expect(await contact()).toMatchObject({ channels: ["email", "sms"] });
    await change({ channels: ["sms"] }, "032");
    expect(await contact()).toMatchObject({ channels: ["sms"] });
    const refused = { status: 409, body: { error: "sms-needs-a-phone" } };
    expect(await change({ phone: null }, "032")).toMatchObject(refused);
    expect(await change({ channels: ["sms"] }, "033")).toMatchObject(refused);
    expect(await change({ channels: [], phone: null }, "032")).toMatchObject({ status: 200 });
    expect(await contact()).toMatchObject({ phone: null, channels: [] });
  });

  it.each([
    {},
    { name: "" },
    { name: "two\nlines" },
    { phone: "call me" },
    { channels: ["pigeon"] },
    { channels: ["email", "email"] },
    { favouriteCategories: "books\u0000" },
    { addresses: [{ ...address, country: "Great Britain" }] },
    { addresses: Array.from({ length: 11 }, () => address) },
  ])("refuses %j", async (body) => {
    expect(await change(body)).toMatchObject({ status: 400, body: { error: "invalid-request" } });
  });

  it("of nobody is a 404", async () => {
    expect((await change({ name: "Anna" }, "999")).status).toBe(404);
    expect((await user.as("gateway", "user-999").request("GET", "/users/user-999/profile")).status).toBe(404);
  });
});
