import { closeSync, fdatasyncSync, openSync, writeFileSync } from "node:fs";

/** The file that lines of spans are appended to; there may be none. */
export class SpanSink {
  #descriptor: number | undefined;

  get isOpen(): boolean {
    return this.#descriptor !== undefined;
  }

  /** Takes the place of the one before, which stays when this one cannot be opened. @throws what the system says */
  open(file: string): void {
    const descriptor = openSync(file, "a");
    this.close();
    this.#descriptor = descriptor;
  }

  /** @throws what the system says */
  write(line: Buffer): void {
    if (this.#descriptor !== undefined) writeFileSync(this.#descriptor, line);
  }

  flush(): void {
    if (this.#descriptor !== undefined) fdatasyncSync(this.#descriptor);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
