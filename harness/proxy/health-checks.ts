import { get } from "../base/node-http.ts";
import { formatAddress, type Address } from "../base/address.ts";
import { sharedLookup } from "./shared-lookup.ts";

/** How an upstream is asked whether it can be sent work: `GET path`, where any status from 200 to 399 is a yes. */
export interface HealthSpec {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** What is known of an address for as long as it is held. */
export interface Health extends Disposable {
  readonly isFailing: boolean;
}

/** Silence can be a busy machine; a refusal or another status cannot. */
const silencesToFail = 2;

/** Asks addresses how they are, each once an interval however many proxies want to know. */
export class HealthChecks {
  readonly #checks = new Map<string, Check>();

  /** Asks until disposed of; an address is taken for well before it has been asked. */
  watch(address: Address, spec: HealthSpec): Health {
    const key = JSON.stringify([formatAddress(address), spec.path, spec.intervalMs, spec.timeoutMs]);
    const check = this.#checks.get(key) ?? new Check(address, spec);
    this.#checks.set(key, check);
    check.holders += 1;
    let isHeld = true;
    return {
      get isFailing() {
        return check.isFailing;
      },
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        check.holders -= 1;
        if (check.holders > 0) return;
        check.stop();
        this.#checks.delete(key);
      },
    };
  }
}

type Said = "well" | "not well" | "nothing";

class Check {
  holders = 0;
  isFailing = false;
  readonly #address: Address;
  readonly #spec: HealthSpec;
  readonly #stopped = new AbortController();
  #silences = 0;
  #next: NodeJS.Timeout | undefined;

  constructor(address: Address, spec: HealthSpec) {
    this.#address = address;
    this.#spec = spec;
    void this.#run();
  }

  stop(): void {
    clearTimeout(this.#next);
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const startedMs = performance.now();
    const said = await ask(this.#address, this.#spec, this.#stopped.signal);
    if (this.#stopped.signal.aborted) return;
    this.#silences = said === "nothing" ? this.#silences + 1 : 0;
    this.isFailing =
      said === "not well" || (said === "nothing" && (this.isFailing || this.#silences >= silencesToFail));
    const restMs = Math.max(0, this.#spec.intervalMs - (performance.now() - startedMs));
    this.#next = setTimeout(() => void this.#run(), restMs);
  }
}

/** One question on a connection of its own: one that is kept would not see that nobody accepts any more. */
function ask({ host, port }: Address, { path, timeoutMs }: HealthSpec, stopped: AbortSignal): Promise<Said> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, lookup: sharedLookup, signal: stopped });
    const late = setTimeout(() => {
      resolve("nothing");
      request.destroy();
    }, timeoutMs);
    request.on("response", (response) => {
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 400 ? "well" : "not well");
      response.resume();
    });
    request.on("error", () => resolve("not well")); // refused, reset, or no HTTP
    request.on("close", () => clearTimeout(late));
  });
}
