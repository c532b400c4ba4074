import type { z } from "zod";
import { milliseconds } from "../toxics/toxic-kind.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const attributes = httpAttributes({ delay: milliseconds() });

/** The callee gets the same bytes again, on another connection, `delay` milliseconds after it has answered; the second answer is dropped. */
export const httpDuplicate: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["upstream"],
  attributes,
  plan: ({ delay }) => ({ act: "duplicate", delayMs: delay }),
};
