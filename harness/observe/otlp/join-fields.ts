import { ProtobufReader, deepestNesting } from "./protobuf-reader.ts";
import { MalformedRequest } from "./trace-request.ts";
import type { Field, Message } from "./trace-schema.ts";

/**
 * The same message with each field's occurrences next to each other, as protobuf says what several mean: elements of a list
 * stay in their order, pieces of a message are joined, of a plain value and of those of which one can be set the last
 * counts. Unknown fields go.
 * @throws {MalformedRequest}
 */
export function joinFields(bytes: Buffer, message: Message, depth = 0): Buffer {
  if (depth > deepestNesting) throw new MalformedRequest(`nested deeper than ${deepestNesting} messages`);
  const values = new Map<number, Buffer[]>();
  const reader = new ProtobufReader(bytes);
  while (reader.at < bytes.length) {
    const tag = reader.tag(bytes.length);
    const number = tag >>> 3;
    const start = reader.at;
    reader.skip(tag, bytes.length);
    const field = message.fields[number];
    if (field === undefined) continue;
    if ((tag & 7) !== field.wireType)
      throw new MalformedRequest(
        `field ${number} of ${message.name} has wire type ${tag & 7}, expected ${field.wireType}`,
      );
    const value = field.wireType === 2 ? contentOf(bytes, start) : bytes.subarray(start, reader.at);
    if (message.isOneOf) for (const other of values.keys()) if (other !== number) values.delete(other);
    const before = values.get(number);
    if (before !== undefined && (field.isRepeated || field.message !== undefined)) before.push(value);
    else values.set(number, [value]);
  }
  return Buffer.concat(
    [...values].flatMap(([number, found]) => encode(number, found, message.fields[number], depth)),
  );
}

function encode(
  number: number,
  found: readonly Buffer[],
  field: Field | undefined,
  depth: number,
): readonly Buffer[] {
  if (field === undefined) return [];
  const tag = varint((number << 3) | field.wireType);
  if (field.wireType !== 2) return found.flatMap((value) => [tag, value]);
  const { message } = field;
  const whole = message === undefined || field.isRepeated ? found : [Buffer.concat(found)];
  return whole.flatMap((value) => {
    const content = message === undefined ? value : joinFields(value, message, depth + 1);
    return [tag, varint(content.length), content];
  });
}

/** Of a length-delimited value that is known to be whole. */
function contentOf(bytes: Buffer, start: number): Buffer {
  const reader = new ProtobufReader(bytes);
  reader.at = start;
  const length = reader.length(bytes.length);
  return bytes.subarray(reader.at, reader.at + length);
}

/** @param value of 32 bits */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
