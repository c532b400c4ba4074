import { z } from "zod";
import { startService } from "../service-kit/service.ts";
import { Contacts } from "./contacts.ts";
import { deadLetterRoutes } from "./dead-letter-routes.ts";
import { DeadLetters } from "./dead-letters.ts";
import { dispatch } from "./dispatcher.ts";
import { emailSender } from "./email.ts";
import { forgetOld } from "./forgetter.ts";
import { createMailer } from "./mailer.ts";
import { countMessages, measureBacklog } from "./message-metrics.ts";
import { Messages } from "./messages.ts";
import { eventRoutes } from "./order-event.ts";
import { schema } from "./schema.ts";
import { smsSender } from "./sms.ts";

const lanes = 8;

/** A hundred attempts are six minutes of an outage. SMTP is the one callee that is not called by HTTP. */
const { MESSAGE_ATTEMPTS: maxAttempts, SMTP_URL: smtpUrl } = z
  .object({
    MESSAGE_ATTEMPTS: z.coerce.number().int().positive().default(100),
    SMTP_URL: z.url({ protocol: /^smtp$/ }).transform((url) => new URL(url)),
  })
  .parse(process.env);

let dispatching: Promise<unknown> = Promise.resolve();

/** notification: tells users by mail and SMS what became of their orders, once each. */
await startService({
  name: "notification",
  migrations: [{ id: "001-notification", sql: schema }],
  callees: ["user"],
  outside: ["sms"],
  routes(app, { database, idempotency, log, metrics }) {
    const messages = new Messages(database.query);
    const deadLetters = new DeadLetters(database.query);
    eventRoutes(app, messages, idempotency);
    deadLetterRoutes(app, deadLetters);
    measureBacklog(metrics, messages, deadLetters, log);
    // What is being sent is ended and written down before the database is closed.
    app.addHook("onClose", () => dispatching);
  },
  background(service) {
    const { callee, config, database, idempotency, log, metrics, tell, signal } = service;
    const messages = new Messages(database.query);
    const contacts = new Contacts(callee("user"));
    const mailer = createMailer(smtpUrl, config.patterns, lanes, tell);
    const common = { lanes, maxAttempts, messages, counts: countMessages(metrics), log };
    const email = { ...common, channel: "email", send: emailSender(mailer, contacts, idempotency) } as const;
    const sms = { ...common, channel: "sms", send: smsSender(callee("sms"), contacts, idempotency) } as const;
    dispatching = Promise.all([dispatch(email, signal), dispatch(sms, signal)]).finally(() => mailer.close());
    void forgetOld(messages, service);
  },
});
