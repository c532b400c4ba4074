import { SMTPServer } from "smtp-server";
import { Mailbox, readHeaders } from "./mailbox.ts";
import { outsideServer, portFromEnvironment, serveOutside } from "./outside-server.ts";

/** A mail provider: SMTP on SMTP_PORT, and over HTTP on PORT what arrived. */

const mailbox = new Mailbox();

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  disableReverseLookup: true,
  logger: false,
  closeTimeout: 1_000,
  onData(stream, session, callback) {
    readHeaders(stream).then(
      (headers) => {
        const messageId = headers.get("message-id");
        if (messageId === undefined)
          return callback(Object.assign(new Error("expected a Message-ID"), { responseCode: 550 }));
        mailbox.receive({
          messageId,
          to: session.envelope.rcptTo.map(({ address }) => address).join(", "),
          subject: headers.get("x-template") ?? headers.get("subject") ?? "",
          orderId: headers.get("x-order-id") ?? null,
        });
        return callback();
      },
      (error: Error) => callback(error), // the sender went away: nothing was handed in
    );
  },
});
smtp.on("error", (error) => console.error(error.message)); // one connection's trouble, such as a reset

await new Promise<void>((resolve) => smtp.listen(portFromEnvironment("SMTP_PORT"), "127.0.0.1", resolve));

const server = outsideServer();
server.get("/mailbox", async () => mailbox.mails());
await serveOutside(server, () => new Promise((resolve) => smtp.close(() => resolve())));
