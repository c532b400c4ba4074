import { randomUUID } from "node:crypto";
import { SMTPServer } from "smtp-server";
import { Mailbox, readLetter } from "./mailbox.ts";
import { logLine } from "./outside-log.ts";
import { listenHost, outsideServer, portFromEnvironment, serveOutside } from "./outside-server.ts";
import { Recipients } from "./recipients.ts";

/** A mail provider: SMTP on SMTP_PORT, and over HTTP on PORT what arrived. */

const mostBytes = 1_048_576;
const mailbox = new Mailbox();
const recipients = new Recipients();

const replyOf = (responseCode: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode });

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  disableReverseLookup: true,
  logger: false,
  closeTimeout: 1_000,
  size: mostBytes,
  onRcptTo({ address }, _session, callback) {
    const refusal = recipients.refusal(address);
    callback(refusal && replyOf(refusal.responseCode, refusal.text));
  },
  onData(stream, session, callback) {
    readLetter(stream).then(
      ({ messageId = `<${randomUUID()}@mail.example>`, ...letter }) => {
        if (stream.sizeExceeded) return callback(replyOf(552, `5.3.4 expected at most ${mostBytes} bytes`));
        for (const { address } of session.envelope.rcptTo)
          mailbox.receive({ messageId, to: address, ...letter });
        return callback();
      },
      (error: Error) => callback(error), // the sender went away: nothing was handed in
    );
  },
});
smtp.on("error", (error) => logLine("warn", "a connection broke", error)); // one connection's trouble, such as a reset

await new Promise<void>((resolve) => smtp.listen(portFromEnvironment("SMTP_PORT"), listenHost, resolve));

const server = outsideServer();
server.get("/mailbox", async () => mailbox.mails());
await serveOutside(server, () => new Promise((resolve) => smtp.close(() => resolve())));
