import { isUtf8 } from "node:buffer";
import { parseTree, type Node, type ParseError } from "jsonc-parser";

/**
 * Replaces one value in a JSON text and leaves every other byte as it is.
 * @param pointer JSON pointer (RFC 6901): "/items/0/price"
 * @returns `undefined` when that changes nothing: it is no JSON, there is no such value, or it is the same
 */
export function replaceField(body: Buffer, pointer: string, value: unknown): Buffer | undefined {
  if (!isUtf8(body)) return undefined;
  const text = body.toString();
  const root = parse(text);
  if (root === undefined) return undefined;
  const node = find(root, pointer);
  if (node === undefined) return undefined;
  const end = node.offset + node.length;
  const replacement = JSON.stringify(value);
  if (text.slice(node.offset, end) === replacement) return undefined;
  return Buffer.from(text.slice(0, node.offset) + replacement + text.slice(end));
}

function parse(text: string): Node | undefined {
  const errors: ParseError[] = [];
  try {
    const root = parseTree(text, errors, { disallowComments: true });
    return errors.length === 0 ? root : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // nested deeper than the stack is
    throw error;
  }
}

function find(root: Node, pointer: string): Node | undefined {
  let node: Node | undefined = root;
  for (const segment of pointer.split("/").slice(1)) {
    const name = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    if (node?.type === "array")
      node = /^(?:0|[1-9]\d*)$/.test(name) ? node.children?.[Number(name)] : undefined;
    // Of a name that stands twice, readers take the last.
    else node = node?.children?.findLast(({ children }) => children?.[0]?.value === name)?.children?.[1];
  }
  return node;
}
