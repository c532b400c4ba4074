import type { FastifyInstance } from "fastify";
import type { Database } from "../service-kit/database.ts";
import { requireUser } from "../service-kit/identity/callers.ts";
import { changeProfile, profileOf, type ProfileChange } from "./profiles.ts";

/** One line of text: no control characters, which have no business in a mail's head or in PostgreSQL's text. */
const line = {
  type: "string",
  minLength: 1,
  maxLength: 200,
  pattern: "^[^\\u0000-\\u001f\\u007f]+$",
} as const;

export const name = line;
export const phone = { type: "string", maxLength: 40, pattern: "^\\+?[0-9][0-9 ()/.-]{2,}$" } as const;

const change = {
  type: "object",
  minProperties: 1,
  additionalProperties: false,
  properties: {
    name,
    phone: { ...phone, type: ["string", "null"] },
    channels: { type: "array", maxItems: 2, uniqueItems: true, items: { enum: ["email", "sms"] } },
    favouriteCategories: { type: "array", maxItems: 20, uniqueItems: true, items: line },
    addresses: {
      type: "array",
      maxItems: 10,
      items: {
        type: "object",
        required: ["name", "street", "postcode", "city", "country"],
        additionalProperties: false,
        properties: {
          name,
          street: line,
          postcode: { ...line, maxLength: 20 },
          city: line,
          country: { type: "string", pattern: "^[A-Z]{2}$" },
        },
      },
    },
  },
};
const userParams = { type: "object", properties: { id: line } } as const;

const ofOthers = { callers: ["notification"] } as const;
const ofOneself = { callers: ["gateway"] } as const;

/** Who a user is to themselves, to other services, and to those who write to them. */
export function profileRoutes(app: FastifyInstance, database: Database): void {
  app.get<{ Params: { id: string } }>(
    "/users/:id",
    { config: ofOthers, schema: { params: userParams } },
    async ({ params }) => {
      const { userId, email, name } = await profileOf(database, params.id);
      return { userId, email, name };
    },
  );
  app.get<{ Params: { id: string } }>(
    "/users/:id/contact",
    { config: ofOthers, schema: { params: userParams } },
    async ({ params }) => {
      const { userId, email, name, phone, channels } = await profileOf(database, params.id);
      return { userId, email, name, phone, channels };
    },
  );
  app.get<{ Params: { id: string } }>(
    "/users/:id/profile",
    { config: ofOneself, schema: { params: userParams } },
    async (request) => {
      requireUser(request, request.params.id);
      return profileOf(database, request.params.id);
    },
  );
  app.patch<{ Params: { id: string }; Body: ProfileChange }>(
    "/users/:id/profile",
    { config: ofOneself, schema: { params: userParams, body: change } },
    async (request) => {
      requireUser(request, request.params.id);
      return changeProfile(database, request.params.id, request.body);
    },
  );
}
