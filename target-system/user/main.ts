import { randomUUID } from "node:crypto";
import type { Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import { idempotencyKeysTable, type KeyedAnswer } from "../service-kit/patterns/idempotency.ts";
import { startService } from "../service-kit/service.ts";
import { hashPassword, isPassword } from "./password.ts";
import { migrations, seed } from "./schema.ts";
import { openTokens, tokenLifetimeSeconds, type Tokens } from "./tokens.ts";

type Contact = Readonly<{ userId: string; email: string; name: string; phone: string | null }>;

const credentials = {
  email: { type: "string", minLength: 3, maxLength: 200, pattern: "^[^@\\s]+@[^@\\s]+$" },
  password: { type: "string", minLength: 8, maxLength: 200 },
};

let tokens: Promise<Tokens> | undefined;

/** Accounts, and who someone is. */
await startService({
  name: "user",
  migrations: migrations + idempotencyKeysTable,
  seed,
  callees: [],
  routes(app, { database, idempotency }) {
    const currentTokens = (): Promise<Tokens> => {
      // A database that is away now may be back for the next caller.
      tokens ??= openTokens(database).catch((error: unknown) => {
        tokens = undefined;
        throw error;
      });
      return tokens;
    };
    app.post<{
      Body: { email: string; password: string; name: string; phone?: string };
      Headers: { "idempotency-key"?: string };
    }>(
      "/users",
      {
        schema: {
          body: {
            type: "object",
            required: ["email", "password", "name"],
            properties: {
              ...credentials,
              name: { type: "string", minLength: 1, maxLength: 200 },
              phone: { type: "string", maxLength: 40 },
            },
          },
        },
      },
      async ({ body, headers }, reply) => {
        const { email, password, name, phone = null } = body;
        const passwordHash = await hashPassword(password);
        const register = async (query: Query): Promise<KeyedAnswer> => {
          const userId = randomUUID();
          const created = await query(
            `insert into users (id, email, password_hash, name, phone) values ($1, lower($2), $3, $4, $5)
             on conflict (email) do nothing returning id`,
            [userId, email, passwordHash, name, phone],
          );
          if (created.length === 0)
            throw new HttpError(409, "email-taken", "this e-mail address has an account already");
          return { status: 201, body: { userId } };
        };
        const key = headers["idempotency-key"];
        const answer = await (key === undefined
          ? register(database.query)
          : idempotency.once({ operation: "POST /users", key, content: { email, name, phone } }, register));
        return reply.code(answer.status).send(answer.body);
      },
    );
    app.post<{ Body: { email: string; password: string } }>(
      "/sessions",
      { schema: { body: { type: "object", required: ["email", "password"], properties: credentials } } },
      async ({ body }, reply) => {
        const [user] = await database.query<{ readonly id: string; readonly hash: string }>(
          `select id, password_hash as hash from users where email = lower($1)`,
          [body.email],
        );
        if (!user || !(await isPassword(body.password, user.hash)))
          throw new HttpError(401, "wrong-credentials", "e-mail address or password is wrong");
        const accessToken = await (await currentTokens()).issue(user.id);
        return reply.code(201).send({ userId: user.id, accessToken, expiresInSeconds: tokenLifetimeSeconds });
      },
    );
    app.get("/.well-known/jwks.json", async () => (await currentTokens()).jwks);
    app.get<{ Params: { id: string } }>("/users/:id", async ({ params }) => {
      const { userId, email, name } = await contactOf(params.id);
      return { userId, email, name };
    });
    app.get<{ Params: { id: string } }>("/users/:id/contact", async ({ params }) => {
      const contact = await contactOf(params.id);
      return { ...contact, channels: contact.phone === null ? ["email"] : ["email", "sms"] };
    });

    async function contactOf(id: string): Promise<Contact> {
      const [contact] = await database.query<Contact>(
        `select id as "userId", email, name, phone from users where id = $1`,
        [id],
      );
      if (!contact) throw new HttpError(404, "user-not-found", `there is no user ${id}`);
      return contact;
    }
  },
});
