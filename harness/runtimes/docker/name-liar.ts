/**
 * Answers a container about names, and lies about one: there is no such name, or it is told late. Run in a sidecar, which has
 * the container's network and its resolv.conf; alone, since no other file of ours is there.
 *
 *   program of the container ─asks→ liar (127.0.0.153) ─passes on→ who was asked before (Docker, 127.0.0.11)
 *
 * It prints `ready` when it is asked, and `asked` for each question about the name. SIGTERM has the container ask as before.
 */
import { createSocket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";

const [name = "", delay = ""] = process.argv.slice(-2);
const own = "127.0.0.153";
const file = "/etc/resolv.conf";
const mark = `# Squall asks ${own} instead:`;
/** RFC 1035, 4.1.1: the header's length, and in its flags "an answer" and "no such name". */
const headerBytes = 12;
const isAnswer = 0x80;
const noSuchName = 3;

/** Each as it was, behind a mark, and ours before them. Written in place: the container sees this very file. */
function askHere(text: string): string {
  const lines = text.split("\n").map((line) => (/^\s*nameserver\s/.test(line) ? `${mark}${line}` : line));
  return [`nameserver ${own} ${mark}`, ...lines].join("\n");
}

function askThere(text: string): string {
  const lines = text.split("\n").filter((line) => !line.startsWith(`nameserver ${own} `));
  return lines.map((line) => line.replace(mark, "")).join("\n");
}

/** The name that a question is about, in lower case. */
function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = headerBytes; (question[at] ?? 0) > 0; at += (question[at] ?? 0) + 1)
    labels.push(question.toString("latin1", at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join(".").toLowerCase();
}

const before = askThere(readFileSync(file, "utf8"));
const restore = (): void => {
  const text = readFileSync(file, "utf8");
  // One that was started again has got a new one.
  if (text.includes(mark)) writeFileSync(file, askThere(text));
};
if (name === "") {
  restore();
  process.exit();
}
process.on("SIGTERM", () => {
  restore();
  process.exit();
});

const servers = [...before.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server = ""]) => server);
const [server = "127.0.0.11"] = servers;
const socket = createSocket("udp4");
socket.on("message", (question, { address, port }) => {
  if (nameIn(question) !== name.toLowerCase()) return passOn(question, address, port);
  console.log("asked");
  if (delay !== "") return void setTimeout(passOn, Number(delay), question, address, port);
  const answer = Buffer.from(question);
  answer[2] = (answer[2] ?? 0) | isAnswer;
  answer[3] = isAnswer | noSuchName; // and "recursion is available"
  socket.send(answer, port, address);
});

function passOn(question: Buffer, address: string, port: number): void {
  const asking = createSocket("udp4");
  const end = setTimeout(() => asking.close(), 10_000);
  asking.on("message", (answer) => {
    socket.send(answer, port, address);
    clearTimeout(end);
    asking.close();
  });
  // Who asked asks again, or gives up.
  asking.on("error", () => undefined);
  asking.send(question, 53, server);
}

socket.bind(53, own, () => {
  writeFileSync(file, askHere(before));
  console.log("ready");
});
