import { createRequire } from "node:module";
import type * as undici from "undici";

/**
 * undici's Pool, put together as undici's index does, but without the rest of the index (fetch, WebSocket, caches, mocks),
 * which would be 45 ms of processor time and 6 MB in each service. Its parts have no documented place: this file is the
 * only one that knows where they are.
 */
const require = createRequire(import.meta.url);
const { prototype } = require("undici/lib/dispatcher/dispatcher.js") as typeof undici.Dispatcher;
Object.assign(prototype, require("undici/lib/api/index.js"));

export const Pool = require("undici/lib/dispatcher/pool.js") as typeof undici.Pool;
export type Pool = undici.Pool;
