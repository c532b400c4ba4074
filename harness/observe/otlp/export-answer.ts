import { z } from "zod";
import { jsonIn } from "../../base/json.ts";
import { varint } from "./join-fields.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { MalformedRequest } from "./trace-request.ts";

/** How a body is encoded: an answer is in the encoding of its request. */
export type Encoding = "json" | "protobuf";

export const contentTypes: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  protobuf: "application/x-protobuf",
};

export function encodingOf(contentType: string): Encoding | undefined {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase();
  return (["json", "protobuf"] as const).find((encoding) => contentTypes[encoding] === type);
}

export interface RejectedSpans {
  readonly spans: number;
  readonly why: string;
}

/**
 * `ExportTraceServiceResponse` of opentelemetry-proto v1.10.0, `collector/trace/v1`: its field 1 is the partial success, of
 * which 1 is `rejected_spans` and 2 `error_message`. It is not set when every span was taken.
 */
export function exportAnswer(encoding: Encoding, rejected: RejectedSpans | undefined): Buffer {
  if (encoding === "json") {
    const partialSuccess = rejected && {
      rejectedSpans: String(rejected.spans),
      errorMessage: rejected.why,
    };
    return Buffer.from(JSON.stringify({ partialSuccess }));
  }
  if (rejected === undefined) return Buffer.alloc(0);
  const content = Buffer.concat([Buffer.of(0x08), varint(rejected.spans), textField(2, rejected.why)]);
  return Buffer.concat([Buffer.of(0x0a), varint(content.length), content]);
}

/** `google.rpc.Status`, which the body of an OTLP error is: 2 is its `message`; its code has no meaning there. */
export function errorAnswer(encoding: Encoding, message: string): Buffer {
  return encoding === "json" ? Buffer.from(JSON.stringify({ message })) : textField(2, message);
}

function textField(number: number, text: string): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

const countSchema = z.coerce.number().int().min(0);
const partialSuccessSchema = z.object({
  partialSuccess: z
    .object({ rejectedSpans: countSchema.default(0), errorMessage: z.string().default("") })
    .optional(),
});

/** What another receiver answers with: which spans it has not taken. An answer that cannot be read says none. */
export function rejectedIn(encoding: Encoding, answer: Buffer): RejectedSpans | undefined {
  const told = encoding === "json" ? inJson(answer) : inProtobuf(answer);
  return told && (told.spans > 0 || told.why !== "") ? told : undefined;
}

function inJson(answer: Buffer): RejectedSpans | undefined {
  const { partialSuccess } = partialSuccessSchema.safeParse(jsonIn(answer.toString("utf8"))).data ?? {};
  return partialSuccess && { spans: partialSuccess.rejectedSpans, why: partialSuccess.errorMessage };
}

function inProtobuf(answer: Buffer): RejectedSpans | undefined {
  let spans = 0;
  let why = "";
  try {
    eachField(answer, (field, content) => {
      if (field !== 1 || content === undefined) return;
      eachField(content, (inner, text, count) => {
        if (inner === 1) spans = count;
        if (inner === 2 && text !== undefined) why = text.toString("utf8");
      });
    });
  } catch (error) {
    if (error instanceof MalformedRequest) return undefined;
    throw error;
  }
  return { spans, why };
}

function eachField(
  bytes: Buffer,
  found: (field: number, content: Buffer | undefined, count: number) => void,
): void {
  const reader = new ProtobufReader(bytes);
  while (reader.at < bytes.length) {
    const tag = reader.tag(bytes.length);
    if ((tag & 7) === 2) {
      const length = reader.length(bytes.length);
      found(tag >>> 3, bytes.subarray(reader.at, reader.at + length), 0);
      reader.at += length;
    } else {
      const start = reader.at;
      reader.skip(tag, bytes.length);
      if ((tag & 7) !== 0) continue;
      reader.at = start;
      reader.varint(bytes.length);
      found(tag >>> 3, undefined, reader.low);
    }
  }
}
