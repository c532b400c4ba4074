import type { Output } from "./host.ts";

/** Much text, written at the pace of whoever reads it. */
export interface PacedOutput {
  /** @returns false once nobody reads any more */
  write(text: string): Promise<boolean> | true;
  end(): Promise<boolean>;
}

const batchLength = 65_536;

/** Many texts are written as few, each when the one before it is out: what waits to be read would fill the memory. */
export function pacedOutput(output: Output): PacedOutput {
  let waiting: string[] = [];
  let length = 0;
  const end = (): Promise<boolean> => {
    const text = waiting.join("");
    waiting = [];
    length = 0;
    return new Promise((resolve) =>
      output.write(text, (error) => resolve(error === undefined || error === null)),
    );
  };
  return {
    write(text) {
      length += text.length;
      waiting.push(text);
      return length < batchLength || end();
    },
    end,
  };
}
