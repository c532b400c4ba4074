import type { Database } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";

export type Channel = "email" | "sms";

export interface Address {
  readonly name: string;
  readonly street: string;
  readonly postcode: string;
  readonly city: string;
  /** ISO 3166, two letters. */
  readonly country: string;
}

/** What a user may see and change of themselves. */
export type Profile = Readonly<{
  userId: string;
  email: string;
  name: string;
  phone: string | null;
  /** How they want to be told of their orders. */
  channels: readonly Channel[];
  favouriteCategories: readonly string[];
  addresses: readonly Address[];
}>;

export type ProfileChange = Readonly<Partial<Omit<Profile, "userId" | "email">>>;

const columns = `id as "userId", email, name, phone, favourite_categories as "favouriteCategories", addresses,
  coalesce(channels, case when phone is null then '{email}' else '{email,sms}' end::text[]) as channels`;

/** @throws {HttpError} 404 user-not-found */
export async function profileOf({ query }: Database, userId: string): Promise<Profile> {
  const [profile] = await query<Profile>(`select ${columns} from users where id = $1`, [userId]);
  if (!profile) throw notFound(userId);
  return profile;
}

/**
 * Sets what the change names, and leaves the rest.
 * @throws {HttpError} 404 user-not-found, 409 sms-needs-a-phone
 */
export async function changeProfile(
  database: Database,
  userId: string,
  change: ProfileChange,
): Promise<Profile> {
  return database.transaction(async (query) => {
    const [changed] = await query<Profile>(
      `update users set
         name = coalesce($2, name), phone = case when $3 then $4 else phone end, channels = coalesce($5, channels),
         favourite_categories = coalesce($6, favourite_categories), addresses = coalesce($7, addresses)
       where id = $1 returning ${columns}`,
      [
        userId,
        change.name ?? null,
        change.phone !== undefined,
        change.phone ?? null,
        change.channels ?? null,
        change.favouriteCategories ?? null,
        change.addresses === undefined ? null : JSON.stringify(change.addresses),
      ],
    );
    if (!changed) throw notFound(userId);
    if (changed.channels.includes("sms") && changed.phone === null)
      throw new HttpError(409, "sms-needs-a-phone", "SMS can be had with a phone number only");
    return changed;
  });
}

function notFound(userId: string): HttpError {
  return new HttpError(404, "user-not-found", `there is no user ${userId}`);
}
