import type { Random } from "../base/random.ts";
import { createCookieJar, type CookieJar } from "./cookie-jar.ts";
import { createKeep, type Keep } from "./keep.ts";
import { Line } from "./line.ts";

/**
 * A virtual user: one client with a memory, who takes one journey after another and finds again what the earlier ones
 * left in its session.
 */
export interface VirtualUser {
  /** From 0. */
  readonly number: number;
  readonly session: Keep;
  readonly cookies: CookieJar;
}

/**
 * Who takes the journeys of a load.
 *
 *   as-needed  an arrival gets the user who has been idle longest, or a new one when none is idle. A user takes one
 *              journey at a time. Which one an arrival gets depends on who is idle, and so on how fast the system is.
 *   drawn      an arrival gets one of so many users, drawn by the seed: the same in every run. A user whose earlier
 *              journey is still under way takes the new one beside it, as a person with two windows would.
 */
export type UsersPlan =
  | {
      readonly kind: "as-needed";
      /** How many there may be; arrivals beyond them are `not-sent`. Without it, as many as are needed. */
      readonly most?: number;
    }
  | { readonly kind: "drawn"; readonly of: number };

export interface VirtualUsers {
  /** How many have taken a journey so far. */
  readonly count: number;
  /** The user for the next arrival, in order of arrival; undefined when all are busy and there may be no more. */
  take(): VirtualUser | undefined;
  /** Its journey has ended. */
  release(user: VirtualUser): void;
}

/** @param random decides who is drawn */
export function createVirtualUsers(plan: UsersPlan, random: Random): VirtualUsers {
  switch (plan.kind) {
    case "as-needed":
      return usersAsNeeded(plan.most ?? Infinity);
    case "drawn":
      return drawnUsers(plan.of, random);
  }
}

function usersAsNeeded(most: number): VirtualUsers {
  /** The one who has been idle longest comes first. */
  const idle = new Line<VirtualUser>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    take() {
      return idle.shift() ?? (count < most ? createUser(count++) : undefined);
    },
    release: (user) => void idle.join(user),
  };
}

function drawnUsers(of: number, random: Random): VirtualUsers {
  const users = new Map<number, VirtualUser>();
  return {
    get count() {
      return users.size;
    },
    take() {
      const number = random.integer(0, of);
      const known = users.get(number);
      if (known !== undefined) return known;
      const user = createUser(number);
      users.set(number, user);
      return user;
    },
    release: () => undefined,
  };
}

function createUser(number: number): VirtualUser {
  return { number, session: createKeep(), cookies: createCookieJar() };
}
