import { context, propagation } from "@opentelemetry/api";
import { startService, type ServiceContext } from "../service-kit/service.ts";
import { Contacts } from "./contacts.ts";
import { dispatch } from "./dispatcher.ts";
import { createMailer, MailFailed } from "./mailer.ts";
import { Messages, type FinalStatus, type Message, type OrderConfirmed } from "./messages.ts";
import { schema } from "./schema.ts";
import { mailOf, smsOf } from "./wording.ts";

/** notification: tells users by mail and SMS what became of their orders, once each. */

const lanes = 8;
const smsDeadlineMs = 2_000;

await startService({
  name: "notification",
  migrations: [{ id: "001-notification", sql: schema }],
  callees: ["user"],
  outside: ["sms"],
  routes(app, { database }) {
    const messages = new Messages(database.query);
    app.post<{ Body: OrderConfirmed & { type: string } }>(
      "/events",
      {
        config: { callers: ["order"] },
        schema: {
          body: {
            type: "object",
            required: ["id", "type", "orderId", "userId", "totalCents"],
            properties: {
              id: { type: "string", minLength: 1 },
              type: { type: "string" },
              orderId: { type: "string", minLength: 1 },
              userId: { type: "string", minLength: 1 },
              totalCents: { type: "integer" },
            },
          },
        },
      },
      async ({ body }, reply) => {
        if (body.type === "order.confirmed") {
          const carrier: { traceparent?: string; baggage?: string } = {};
          propagation.inject(context.active(), carrier);
          await messages.receive(body, carrier);
        }
        return reply.code(204).send();
      },
    );
  },
  background(service) {
    const { database, log, signal } = service;
    const messages = new Messages(database.query);
    const contacts = new Contacts(service.callee("user"));
    void dispatch({ channel: "email", lanes, send: mailSender(service, contacts) }, messages, log, signal);
    void dispatch({ channel: "sms", lanes, send: smsSender(service, contacts) }, messages, log, signal);
  },
});

type Send = (message: Message) => Promise<FinalStatus>;

function mailSender({ config, signal }: ServiceContext, contacts: Contacts): Send {
  const mailer = createMailer(smtpUrl(), config.patterns, lanes);
  signal.addEventListener("abort", () => mailer.close(), { once: true });
  return async (message) => {
    const contact = await contacts.of(message.userId);
    if (!contact?.channels.includes("email")) return "skipped";
    try {
      await mailer.send(mailOf(message, contact));
      return "sent";
    } catch (error) {
      if (error instanceof MailFailed && error.isPermanent) return "refused";
      throw error;
    }
  };
}

function smsSender({ callee }: ServiceContext, contacts: Contacts): Send {
  return async (message) => {
    const contact = await contacts.of(message.userId);
    if (!contact?.channels.includes("sms") || contact.phone === null) return "skipped";
    const { status } = await callee("sms").call({
      method: "POST",
      path: "/messages",
      body: smsOf(message, contact.phone),
      isIdempotent: true,
      deadlineMs: smsDeadlineMs,
    });
    if (status === 201) return "sent";
    if (status === 400 || status === 422) return "refused";
    throw new Error(`sms answered ${status}`);
  };
}

/** The one callee that is not called by HTTP. @throws {Error} when SMTP_URL is no URL */
function smtpUrl(): URL {
  const text = process.env["SMTP_URL"] ?? "";
  if (!URL.canParse(text)) throw new Error("bad configuration: SMTP_URL: expected a URL");
  return new URL(text);
}
