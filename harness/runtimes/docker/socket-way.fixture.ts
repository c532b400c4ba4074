import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A way to a socket that can be closed, for those who are on it too. */
export async function openWay(to: string) {
  const folder = mkdtempSync(join(tmpdir(), "squall-way-"));
  const socketPath = join(folder, "docker.sock");
  const open = new Set<Socket>();
  let isOpen = true;
  const server = createServer((near) => {
    if (!isOpen) return void near.destroy();
    const far = connect(to);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one
        .on("error", () => undefined)
        .once("close", () => {
          open.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const close = (): void => {
    isOpen = false;
    for (const socket of open) socket.destroy();
  };
  return {
    socketPath,
    close,
    open: () => void (isOpen = true),
    async [Symbol.asyncDispose]() {
      close();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}
