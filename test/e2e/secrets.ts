import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** What must be nowhere in what a run leaves behind: the secrets that its shoppers and its services used. */
const secrets: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: "a password", pattern: /password-0\d\d/ },
  // Not the digits behind the point of a figure, of which sixteen in a row are common.
  { what: "a card number", pattern: /(?<!\d\.)\b(?:4242|4000|5555)(?:[ -]?\d{4}){3}\b/ },
  { what: "a card's code", pattern: /\bcvc\W{1,5}\d{3,4}\b/i },
  { what: "a signed token", pattern: /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/ },
  { what: "a bearer of one", pattern: /\bBearer [\w-]{8,}/ },
  { what: "a private key", pattern: /"d"\s*:\s*"[\w-]{20,}"|PRIVATE KEY/ },
  { what: "a database's password", pattern: /postgres(?:ql)?:\/\/[^:/\s"]+:[^@{\s"]+@/ },
];

/** Where in the files below a folder a secret stands: "logs/user.jsonl: a password", once a file and secret. */
export function secretsBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .flatMap((file) => {
      const text = readFileSync(file, "utf8");
      return secrets
        .filter(({ pattern }) => pattern.test(text))
        .map(({ what }) => `${relative(folder, file)}: ${what}`);
    });
}
