import { z } from "zod";
import type { CallAnswer, Callee } from "../service-kit/callee.ts";
import {
  captureOutcome,
  gatewayDeadlineMs,
  GatewayTrouble,
  undoWith,
  type PaymentGateway,
} from "./payment-gateway.ts";

const authorizationSchema = z.object({ id: z.string() });
const foundSchema = z.array(authorizationSchema);

/** Gateway A speaks of authorisations, and declines with status 402. */
export function createGatewayA(callee: Callee): PaymentGateway {
  const name = "gateway-a";
  const post = (path: string, isIdempotent: boolean, body?: unknown): Promise<CallAnswer> =>
    callee.call({ method: "POST", path, body, isIdempotent, deadlineMs: gatewayDeadlineMs });
  const act = (id: string, action: string): Promise<CallAnswer> =>
    post(`/authorizations/${encodeURIComponent(id)}/${action}`, true);
  return {
    name,
    method: "card-a",
    async authorize(reference, amountCents) {
      // Not tried again here: the next try is the other gateway's.
      const answer = await post("/authorizations", false, { reference, amountCents });
      if (answer.status === 402) return { kind: "declined" };
      const authorization = authorizationSchema.safeParse(answer.body);
      if (answer.status !== 201 || !authorization.success) throw new GatewayTrouble(name, answer);
      return { kind: "authorized", id: authorization.data.id };
    },
    capture: async (id) => captureOutcome(name, await act(id, "capture")),
    undo: (id) =>
      undoWith(
        name,
        () => act(id, "void"),
        () => act(id, "refund"),
      ),
    async find(reference) {
      const answer = await callee.call({
        method: "GET",
        path: `/authorizations?reference=${encodeURIComponent(reference)}`,
        deadlineMs: gatewayDeadlineMs,
      });
      const found = foundSchema.safeParse(answer.body);
      if (answer.status !== 200 || !found.success) throw new GatewayTrouble(name, answer);
      return found.data[0]?.id;
    },
  };
}
