import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { createTransport, type SendMailOptions } from "nodemailer";
import type { Patterns } from "../service-kit/patterns/patterns.ts";

/** A mail to send. Its id is the same whenever it is sent, so that its receiver recognises a repeat. */
export interface OutgoingMail {
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
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
  /** It will not be accepted next time either. */
  readonly isPermanent: boolean;

  constructor(code: string, responseCode: number | undefined) {
    super(`the mail server did not accept a mail: ${code}${responseCode ? ` ${responseCode}` : ""}`);
    this.isPermanent = responseCode !== undefined && responseCode >= 550 && responseCode <= 553;
  }
}

/** Connecting, greeting and every silence in between. */
const silenceMs = 2_000;
/** A whole mail, for a server that is slow but never silent. */
const mailDeadlineMs = 4_000;
/** The library cannot be told to wait for ever. */
const aDayMs = 86_400_000;

/** A pooled SMTP client. With timeouts, a connection that fell silent is dropped with the mail it carried. */
export function createMailer(url: URL, patterns: Patterns, connections: number): Mailer {
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
        headers: { ...mail.headers },
        from: "Shop <orders@shop.example>",
        ...(hasTimeouts && { signal: AbortSignal.timeout(mailDeadlineMs) }),
      };
      const span = trace
        .getTracer("notification")
        .startSpan("SMTP send", { kind: SpanKind.CLIENT, attributes });
      try {
        await transport.sendMail(options);
      } catch (error) {
        const failed = mailFailed(error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: failed.message });
        throw failed;
      } finally {
        span.end();
      }
    },
    close: () => transport.close(),
  };
}

function mailFailed(error: unknown): MailFailed {
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown };
  return new MailFailed(
    typeof code === "string" ? code : "unknown",
    typeof responseCode === "number" ? responseCode : undefined,
  );
}
