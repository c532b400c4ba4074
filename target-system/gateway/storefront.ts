import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Nothing but its own files and its own API, no code within the page, no frame around it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const pageHeaders = {
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "x-frame-options": "DENY",
  // The names of files do not change with what is in them: ask each time, and be told 304.
  "cache-control": "no-cache",
  vary: "accept-encoding",
} as const;

/** The paths that a shopper may open, link to and come back to. All are one page, which shows what its path names. */
const pages = [
  "/",
  "/search",
  "/products/:id",
  "/basket",
  "/log-in",
  "/register",
  "/checkout",
  "/orders",
  "/orders/:id",
  "/profile",
];

/** For browsers, and no part of the API. */
const schema = { hide: true };

interface File {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

/** Serves the page and what it is made of, from memory. What is not there is a page, too, to those who ask for one. */
export function storefront(app: FastifyInstance): void {
  const fileAt = filesIn(join(import.meta.dirname, "storefront"));
  const page = (): File => {
    const found = fileAt("index.html");
    if (found === undefined) throw new Error("the storefront has no index.html");
    return found;
  };

  for (const path of pages)
    app.get(path, { schema }, (request, reply) => sendFile(request, reply.headers(pageHeaders), page()));
  app.get<{ Params: { "*": string } }>("/storefront/*", { schema }, (request, reply) => {
    const file = fileAt(request.params["*"]);
    if (file === undefined) throw new HttpError(404, "not-found", "no such resource");
    return sendFile(request, reply.headers(pageHeaders), file);
  });
  app.get("/*", { schema }, (request, reply) => {
    if (!request.headers.accept?.includes("text/html") || request.url.startsWith("/api/"))
      throw new HttpError(404, "not-found", "no such resource");
    return sendFile(request, reply.code(404).headers(pageHeaders), page());
  });
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, file: File): FastifyReply {
  void reply.header("etag", file.etag);
  if (reply.statusCode === 200 && headers["if-none-match"]?.includes(file.etag))
    return reply.code(304).send();
  void reply.type(file.type);
  return /\bgzip\b/.test(headers["accept-encoding"] ?? "")
    ? reply.header("content-encoding", "gzip").send(file.gzipped)
    : reply.send(file.plain);
}

/**
 * Those of a folder that may be served, by their path below it. Each is read when it is first asked for, and once: a gateway
 * that nobody shops at neither starts later for its page nor is larger.
 */
function filesIn(folder: string): (path: string) => File | undefined {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => extname(path) in types);
  const files = new Map<string, File | undefined>(paths.map((path) => [path, undefined]));
  return (path) => {
    if (!files.has(path)) return undefined;
    const file = files.get(path) ?? readFile(folder, path);
    files.set(path, file);
    return file;
  };
}

function readFile(folder: string, path: string): File {
  const plain = readFileSync(join(folder, path));
  return {
    type: types[extname(path)] ?? "application/octet-stream",
    plain,
    gzipped: gzipSync(plain),
    // Weak: it stands for the gzipped form as well.
    etag: `W/"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
  };
}
