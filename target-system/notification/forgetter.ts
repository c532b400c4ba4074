import { pause } from "../service-kit/pause.ts";
import type { ServiceContext } from "../service-kit/service.ts";
import type { Messages } from "./messages.ts";

/** Far longer than an event may come again. */
const keptDays = 30;
const everyMs = 60_000;
const atOnce = 1_000;

/** Deletes what was settled long ago, so that the database does not grow for ever; what is dead stays to be read. */
export async function forgetOld(
  messages: Messages,
  { log, signal }: Pick<ServiceContext, "log" | "signal">,
): Promise<void> {
  while (!signal.aborted) {
    try {
      while ((await messages.forget(keptDays, atOnce)) === atOnce && !signal.aborted);
    } catch (error) {
      log.info({ err: error }, "what is old is forgotten later");
    }
    await pause(everyMs, signal);
  }
}
