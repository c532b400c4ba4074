import type { z } from "zod";
import { wholeNumber } from "../toxics/toxic-kind.ts";
import { httpAttributes, type HttpFaultKind } from "./http-fault.ts";
import { httpProtocol } from "./http-protocol.ts";

const attributes = httpAttributes({
  bytes: wholeNumber("bytes", { from: 0, to: Number.MAX_SAFE_INTEGER }).default(0),
});

/** So many bytes of the body arrive, then the connection closes; a body that is no longer arrives whole. */
export const httpTruncate: HttpFaultKind<z.output<typeof attributes>> = {
  protocol: httpProtocol,
  streams: ["downstream", "upstream"],
  attributes,
  plan: ({ bytes }, { stream }) => ({ act: "truncate", stream, sizeBytes: bytes }),
};
