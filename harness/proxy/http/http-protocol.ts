import type { Protocol } from "../call-fault.ts";
import { HttpCall } from "./http-call.ts";
import { httpMatcher } from "./http-match.ts";
import { HttpSession } from "./http-session.ts";

/** HTTP/1.0 and 1.1 in clear text. */
export const httpProtocol: Protocol = {
  name: "http",
  matcher(match) {
    const matches = httpMatcher(match);
    return (call) => call instanceof HttpCall && matches(call);
  },
  openSession: (context) => new HttpSession(context),
};
