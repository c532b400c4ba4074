/**
 * What processes that are to be small need of node:http. An `import` from there reads each of its exports, and behind one
 * (`WebSocket`) Node keeps all of fetch: 25 ms of processor time, in a process that uses neither.
 */
export const { createServer, get, METHODS, STATUS_CODES } = process.getBuiltinModule("node:http");
