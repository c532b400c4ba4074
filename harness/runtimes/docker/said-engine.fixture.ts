import { createServer, type RequestListener } from "node:http";

/** What stands where Docker's engine does, and answers what a test has it say. */
export async function startSaidEngine(
  socket: string,
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly socket: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
