import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { TestSpan } from "./spans.fixture.ts";

/** Decodes what Jaeger's exporter sends, with the Thrift library and the definitions that it brings along. */

interface ThriftType {
  readonly rw: { readFrom(buffer: Buffer, offset: number): Read };
}
interface Read {
  readonly err?: Error;
  readonly value: unknown;
}
interface ThriftModule {
  readonly Batch: ThriftType;
  readonly Agent: { readonly emitBatch: { readonly argumentsMessageRW: ThriftType["rw"] } };
}

const require = createRequire(import.meta.url);
const { Thrift } = createRequire(require.resolve("jaeger-client"))("thriftrw") as {
  readonly Thrift: new (options: object) => ThriftModule;
};
const definitions = join(dirname(require.resolve("jaeger-client")), "jaeger-idl/thrift");
const options = { allowOptionalArguments: true, allowFilesystemAccess: true };
const jaeger = new Thrift({ source: readFileSync(join(definitions, "jaeger.thrift"), "utf8"), ...options });
const agent = new Thrift({
  entryPoint: join(dirname(require.resolve("jaeger-client")), "thriftrw-idl/agent.thrift"),
  ...options,
});

/** The body of `POST /api/traces`. @throws {Error} when it is none */
export function spansOfBatch(body: Buffer): readonly TestSpan[] {
  return testSpans("application/x-thrift", valueOf(jaeger.Batch.rw.readFrom(body, 0)) as Batch);
}

/** A datagram to an agent's port 6832. @throws {Error} when it is none */
export function spansOfDatagram(datagram: Buffer): readonly TestSpan[] {
  const message = valueOf(agent.Agent.emitBatch.argumentsMessageRW.readFrom(datagram, 0));
  return testSpans("udp", (message as { readonly body: { readonly batch: Batch } }).body.batch);
}

function valueOf({ err, value }: Read): unknown {
  if (err) throw err;
  return value;
}

interface Tag {
  readonly key: string;
  readonly vType: "STRING" | "DOUBLE" | "BOOL" | "LONG" | "BINARY";
  readonly vStr?: string;
  readonly vDouble?: number;
  readonly vBool?: boolean;
}

interface Batch {
  readonly process: { readonly serviceName: string };
  readonly spans: readonly {
    readonly traceIdLow: Buffer;
    readonly traceIdHigh: Buffer;
    readonly spanId: Buffer;
    readonly parentSpanId: Buffer;
    readonly operationName: string;
    readonly references?: readonly { readonly traceIdLow: Buffer; readonly traceIdHigh: Buffer }[];
    readonly tags?: readonly Tag[];
    readonly logs?: readonly { readonly fields: readonly Tag[] }[];
  }[];
}

const kinds: Readonly<Record<string, number>> = { server: 2, client: 3, producer: 4, consumer: 5 };
const none = "0".repeat(16);

function testSpans(way: string, { process, spans }: Batch): readonly TestSpan[] {
  return spans.map((span) => {
    const attributes = valuesOf(span.tags ?? []);
    const parentSpanId = span.parentSpanId.toString("hex");
    return {
      way,
      service: process.serviceName,
      name: span.operationName,
      kind: kinds[String(attributes["span.kind"])] ?? 1,
      traceId: span.traceIdHigh.toString("hex") + span.traceIdLow.toString("hex"),
      spanId: span.spanId.toString("hex"),
      ...(parentSpanId !== none && { parentSpanId }),
      attributes,
      events: (span.logs ?? []).map(({ fields }) => {
        const { event, ...rest } = valuesOf(fields);
        return { name: String(event), attributes: rest };
      }),
      links: (span.references ?? []).map(({ traceIdHigh, traceIdLow }) => ({
        traceId: traceIdHigh.toString("hex") + traceIdLow.toString("hex"),
      })),
    };
  });
}

function valuesOf(tags: readonly Tag[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(tags.map((tag) => [tag.key, fieldOf(tag)]));
}

function fieldOf({ vType, vStr, vDouble, vBool }: Tag): unknown {
  switch (vType) {
    case "STRING":
      return vStr;
    case "DOUBLE":
      return vDouble;
    case "BOOL":
      return vBool;
    case "LONG":
    case "BINARY":
      throw new Error(`Jaeger's exporter sends no ${vType}`);
  }
}
