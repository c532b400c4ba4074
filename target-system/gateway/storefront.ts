import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip as gzipWithCallback } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../service-kit/http-error.ts";

const gzip = promisify(gzipWithCallback);

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
export async function storefront(app: FastifyInstance): Promise<void> {
  const files = await readFiles(join(import.meta.dirname, "storefront"));
  const page = files.get("index.html");
  if (page === undefined) throw new Error("the storefront has no index.html");

  for (const path of pages)
    app.get(path, { schema }, (request, reply) => sendFile(request, reply.headers(pageHeaders), page));
  app.get<{ Params: { "*": string } }>("/storefront/*", { schema }, (request, reply) => {
    const file = files.get(request.params["*"]);
    if (file === undefined) throw new HttpError(404, "not-found", "no such resource");
    return sendFile(request, reply.headers(pageHeaders), file);
  });
  app.get("/*", { schema }, (request, reply) => {
    if (!request.headers.accept?.includes("text/html") || request.url.startsWith("/api/"))
      throw new HttpError(404, "not-found", "no such resource");
    return sendFile(request, reply.code(404).headers(pageHeaders), page);
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

/** By path below the folder; only of types that are served. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, File>> {
  const paths = globSync("**/*", { cwd: folder }).filter((path) => extname(path) in types);
  return new Map(
    await Promise.all(
      paths.map(async (path): Promise<[string, File]> => {
        const plain = readFileSync(join(folder, path));
        const type = types[extname(path)] ?? "application/octet-stream";
        // Weak: it stands for the gzipped form as well.
        const etag = `W/"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
        return [path.replaceAll("\\", "/"), { type, plain, gzipped: await gzip(plain), etag }];
      }),
    ),
  );
}
