import { httpAbort } from "../http/http-abort.ts";
import { httpCorrupt } from "../http/http-corrupt.ts";
import { httpDelay } from "../http/http-delay.ts";
import { httpDuplicate } from "../http/http-duplicate.ts";
import { httpHeader } from "../http/http-header.ts";
import { httpLostResponse } from "../http/http-lost-response.ts";
import { httpRateLimit } from "../http/http-rate-limit.ts";
import { httpStatus } from "../http/http-status.ts";
import { httpTruncate } from "../http/http-truncate.ts";
import { pgDelay } from "../postgres/pg-delay.ts";
import { pgError } from "../postgres/pg-error.ts";
import type { AnyToxicKind } from "../toxic.ts";
import { bandwidth } from "./bandwidth.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { noop } from "./noop.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";

/** Every kind of toxic, by its `type` on the wire. */
export const toxicKinds: ReadonlyMap<string, AnyToxicKind> = new Map<string, AnyToxicKind>([
  ["bandwidth", bandwidth],
  ["http_abort", httpAbort],
  ["http_corrupt", httpCorrupt],
  ["http_delay", httpDelay],
  ["http_duplicate", httpDuplicate],
  ["http_header", httpHeader],
  ["http_lost_response", httpLostResponse],
  ["http_rate_limit", httpRateLimit],
  ["http_status", httpStatus],
  ["http_truncate", httpTruncate],
  ["latency", latency],
  ["limit_data", limitData],
  ["noop", noop],
  ["pg_delay", pgDelay],
  ["pg_error", pgError],
  ["reset_peer", resetPeer],
  ["slicer", slicer],
  ["slow_close", slowClose],
  ["timeout", timeout],
]);
