import { messageOf } from "../base/errors.ts";
import { receiverStats, setForward } from "../observe/receiver-client.ts";
import { forwardText } from "../observe/span-forward.ts";
import type { Fleet } from "../runtimes/runtime.ts";

/** Spans on their way to another endpoint, until it is disposed of; what was forwarded to before is, again, afterwards. */
export interface Forwarding extends AsyncDisposable {
  /** Waits for what is still on its way, some seconds at most. Never fails. @returns what became of it, in words */
  end(): Promise<string | undefined>;
}

/** @param to URL of the endpoint's traces; without it, nothing changes */
export async function forwardSpans(
  fleet: Pick<Fleet, "receiver">,
  to: string | undefined,
): Promise<Forwarding> {
  if (to === undefined)
    return { end: () => Promise.resolve(undefined), [Symbol.asyncDispose]: () => Promise.resolve() };
  const before = (await receiverStats(fleet.receiver)).forward?.to ?? null;
  await setForward(fleet.receiver, to);
  let ended: Promise<string | undefined> | undefined;
  const end = (): Promise<string | undefined> => {
    ended ??= setForward(fleet.receiver, before).then(
      (stats) => stats && forwardText(stats),
      (error: unknown) => `what became of forwarding to ${to} is not known: ${messageOf(error)}`,
    );
    return ended;
  };
  return {
    end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
