import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { InvalidDocumentError } from "../base/yaml-document.ts";
import { readProxyConfig } from "./proxy-config.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const file = join(folder, "proxies.json");
  writeFileSync(file, text);
  return file;
}

it("Toxiproxy's own format is read, with tabs too, and toxics with it", () => {
  const file = write(`[
\t{
\t\t"name": "web \\u00fc",
\t\t"listen": "[::]:18000",
\t\t"upstream": "example.com:80",
\t\t"enabled": true
\t},
\t{"name": "db", "upstream": "localhost:5432", "enabled": false, "ttl_ms": 500, "toxics": [
\t\t{"type": "latency", "attributes": {"latency": 200}, "ttl_ms": 60000}
\t]}
]
`);
  expect(readProxyConfig(file)).toMatchObject([
    {
      name: "web ü",
      listen: { host: "::", port: 18_000 },
      upstream: { host: "example.com", port: 80 },
      enabled: true,
      toxics: [],
    },
    {
      name: "db",
      listen: { host: "127.0.0.1", port: 0 },
      enabled: false,
      ttlMs: 500,
      toxics: [{ name: "latency_downstream", attributes: { latency: 200, jitter: 0 }, ttlMs: 60_000 }],
    },
  ]);
  expect(readProxyConfig(write("[]"))).toEqual([]);
});

it("every problem is told with its line and path", () => {
  const file = write(`[
  {"name": "a", "upstream": "nowhere", "enable": true},
  {"name": "b", "upstream": "h:1", "toxics": [
    {"type": "lag"},
    {"type": "latency", "toxicity": 7, "attributes": {"latency": -5, "jiter": 1}},
    {"type": "noop", "lease": "run"}
  ]},
  {"upstream": "h:1", "ttl_ms": 5},
  {"name": "c", "listen": "127.0.0.1:x", "upstream": "h:1", "name": "d"}
]`);
  const problems: readonly (readonly [number, string, unknown])[] = [
    [2, "[0].upstream", 'expected an address such as "127.0.0.1:5432", got "nowhere"'],
    [2, "[0].enable", 'unknown key "enable", did you mean "enabled"?'],
    [4, "[1].toxics[0].type", expect.stringContaining("invalid toxic type, expected one of")],
    [5, "[1].toxics[1].toxicity", "expected a share of connections from 0 to 1, got 7"],
    [
      5,
      "[1].toxics[1].attributes.latency",
      "expected a whole number of milliseconds from 0 to 2147483647, got -5",
    ],
    [5, "[1].toxics[1].attributes.jiter", 'unknown key "jiter", did you mean "jitter"?'],
    [8, "[2].name", "expected a text of 1 to 256 characters, got nothing"],
    [9, "", "the same key is given twice"],
    [9, "[3].listen", 'expected an address such as "127.0.0.1:5432", got "127.0.0.1:x"'],
  ];
  const refused = refusalOf(file);
  expect(refused.problems).toEqual(problems.map(([line, path, message]) => ({ line, path, message })));
  expect(refused).toMatchObject({ exitCode: 3, hint: "the format is described in docs/proxy.md" });
});

function refusalOf(file: string): InvalidDocumentError {
  try {
    readProxyConfig(file);
  } catch (error) {
    if (error instanceof InvalidDocumentError) return error;
  }
  throw new Error("it was not refused");
}

it.each([
  [
    '[{"name": "a", "upstream": "h:1"}, {"name": "a", "upstream": "h:2"}]',
    "expected a name that no other proxy",
  ],
  ['[{"name": "a", "upstream": "h:1", "toxics": [{"type": "noop", "lease": "x"}]}]', "expected no lease"],
  ['[{"name": "a", "upstream": "h:1", "enabled": false, "lease": "x"}]', "expected no lease"],
  ['{"name": "a", "upstream": "h:1"}', "expected a list of proxies"],
  ["[", "proxies.json is not a valid proxy configuration"],
])("%s is refused", (text, problem) => {
  expect(() => readProxyConfig(write(text))).toThrow(problem);
});
