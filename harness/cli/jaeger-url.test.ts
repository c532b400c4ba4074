import { expect, test } from "vitest";
import { jaegerUrl } from "./jaeger-url.ts";

test.each([
  ["http://localhost:16686", "http://localhost:16686"],
  ["http://localhost:16686/", "http://localhost:16686"],
  ["https://traces.example/jaeger/", "https://traces.example/jaeger"],
])("%s is looked at below %s", (given, base) => expect(jaegerUrl(given)).toBe(base));

test.each(["ftp://localhost", "localhost:16686", "//localhost", "http://x/?y", "http://x/#y", "http://me@x"])(
  "%s is refused",
  (given) => expect(() => jaegerUrl(given)).toThrow(/^expected a URL/),
);
