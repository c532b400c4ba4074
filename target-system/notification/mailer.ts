import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { createTransport, type SendMailOptions } from "nodemailer";
import { z } from "zod";
import type { FailureReason } from "../service-kit/patterns/outcome.ts";
import type { Tell } from "../service-kit/patterns/pattern-event.ts";
import type { Patterns } from "../service-kit/patterns/patterns.ts";

/** A mail to send. Its id is the same whenever it is sent, so that its receiver recognises a repeat. */
export interface OutgoingMail {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Mailer {
  /** @throws {MailFailed} */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** A mail was not accepted, or it is not known whether it was. Says nothing of whom it was for. */
export class MailFailed extends Error {
  override readonly name = "MailFailed";
  /** As of a call by HTTP: the server's status, or why there was none. */
  readonly outcome: number | FailureReason;
  /** What the client library calls it and, where the server answered, its status: "EENVELOPE 550". */
  readonly reason: string;
  /** It will not be accepted next time either: the server said so of this mail. */
  readonly isPermanent: boolean;

  constructor(outcome: number | FailureReason, reason: string, isPermanent: boolean) {
    super(`the mail server did not accept a mail: ${reason}`);
    this.outcome = outcome;
    this.reason = reason;
    this.isPermanent = isPermanent;
  }
}

/** Connecting, greeting and every silence in between. */
const silenceMs = 2_000;
/** A whole mail, for a server that is slow but never silent. RFC 5321 grants ten minutes; who waits less repeats more. */
const mailDeadlineMs = 4_000;
/** The library cannot be told to wait for ever. */
const aDayMs = 86_400_000;

/** What metrics call the mail server, as the other ends of edges are called. */
const callee = "smtp";
const accepted = 250;

/** A pooled SMTP client. With timeouts, a connection that fell silent is dropped with the mail it carried. */
export function createMailer(url: URL, patterns: Patterns, connections: number, tell: Tell): Mailer {
  const hasTimeouts = patterns.has("timeouts");
  const timeoutMs = hasTimeouts ? silenceMs : aDayMs;
  const server = { host: url.hostname, port: Number(url.port) };
  const transport = createTransport({
    ...server,
    pool: true,
    maxConnections: connections,
    // Trying again is the outbox's part: it knows which mails were accepted.
    maxRequeues: 0,
    ignoreTLS: true,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
  } as Parameters<typeof createTransport>[0]);
  const attributes = {
    "server.address": server.host,
    "server.port": server.port,
    "network.protocol.name": "smtp",
  };
  return {
    async send(mail) {
      const options: SendMailOptions & { readonly signal?: AbortSignal } = {
        ...mail,
        // As it is: a text would be read as a list of addresses, which the user's own may look like.
        to: { name: "", address: mail.to },
        headers: { ...mail.headers },
        from: "Shop <orders@shop.example>",
        ...(hasTimeouts && { signal: AbortSignal.timeout(mailDeadlineMs) }),
      };
      tell({ kind: "called", callee });
      const begunMs = performance.now();
      const ended = (outcome: number | FailureReason): void => {
        const end = { callee, outcome, durationMs: performance.now() - begunMs };
        tell({ kind: "attempted", ...end });
        tell({ kind: "ended", ...end });
      };
      const span = trace
        .getTracer("notification")
        .startSpan("SMTP send", { kind: SpanKind.CLIENT, attributes });
      try {
        await transport.sendMail(options);
        ended(accepted);
      } catch (error) {
        const failed = mailFailed(error);
        ended(failed.outcome);
        span.setStatus({ code: SpanStatusCode.ERROR, message: failed.message });
        throw failed;
      } finally {
        span.end();
      }
    },
    close: () => transport.close(),
  };
}

/** As the library reports them: `code` by where it failed, `permanent` for the server's 5xx, `command` API for its own no. */
const sendErrorSchema = z.object({
  code: z.string().catch("unknown"),
  responseCode: z.number().optional().catch(undefined),
  permanent: z.boolean().optional().catch(undefined),
  command: z.string().optional().catch(undefined),
});

/** About this mail, and not about the connection, the greeting or who we are. */
const ofThisMail: ReadonlySet<string> = new Set(["EENVELOPE", "EMESSAGE"]);

const late: ReadonlySet<string> = new Set(["ETIMEDOUT", "ABORT_ERR"]);

function mailFailed(error: unknown): MailFailed {
  const { code, responseCode, permanent = false, command } = sendErrorSchema.parse(error);
  const why = late.has(code) ? "timeout" : "broken";
  return new MailFailed(
    responseCode ?? why,
    responseCode === undefined ? code : `${code} ${responseCode}`,
    ofThisMail.has(code) && (permanent || command === "API"),
  );
}
