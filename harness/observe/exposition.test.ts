import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { describe, expect, test } from "vitest";
import { ExpositionError, parseExposition, seriesParts } from "./exposition.ts";

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const text = "text/plain; version=0.0.4; charset=utf-8";

const parsed = (body: string, contentType: string) => parseExposition(body, contentType).samples;
const strict = (...lines: readonly string[]): string => [...lines, "# EOF", ""].join("\n");

describe("OpenMetrics", () => {
  // Cases of the specification and of Prometheus' own parser, in our words.
  test("a sample of every kind of family is read, with its value", () => {
    const body = strict(
      "# TYPE gc_seconds summary",
      "# UNIT gc_seconds seconds",
      '# HELP gc_seconds How long it \\"paused\\".\\nAll of it, \\\\ and \\x.',
      'gc_seconds{quantile="0.5"} 7.424100000000001e-05',
      'gc_seconds{quantile="0.9",a="b"} 8e-5',
      "gc_seconds_count 99",
      "gc_seconds_sum 324789.3",
      "# TYPE hh histogram",
      'hh_bucket{le="0.1"} 0',
      'hh_bucket{le="+Inf"} 1 # {id="bucket"} 4',
      "hh_count 1 # {} 4 123.123",
      "hh_created 1520430001",
      "# TYPE gh gaugehistogram",
      'gh_bucket{le="+Inf"} 1',
      "gh_gsum -4",
      "# TYPE ii info",
      'ii_info{foo="bar"} 1',
      "# TYPE ss stateset",
      'ss{ss="foo"} 1',
      "# TYPE foo counter",
      'foo_total{a="}\\" 1 # {"} 17.0 1520879607.789 # {id="counter-test"} 5 1520879607.5',
      "some:aggregate:rate5m 1",
      '_under{_l="x"} NaN',
      "inf +Inf",
      "minus -inf",
      "plain{} .5",
    );
    const { samples, familyOf } = parseExposition(body, openMetrics);
    expect(samples.map(({ series, value, exemplar }) => [series, value, exemplar])).toEqual([
      ['gc_seconds{quantile="0.5"}', 7.424100000000001e-5, undefined],
      ['gc_seconds{quantile="0.9",a="b"}', 8e-5, undefined],
      ["gc_seconds_count", 99, undefined],
      ["gc_seconds_sum", 324789.3, undefined],
      ['hh_bucket{le="0.1"}', 0, undefined],
      ['hh_bucket{le="+Inf"}', 1, '{id="bucket"} 4'],
      ["hh_count", 1, "{} 4 123.123"],
      ["hh_created", 1_520_430_001, undefined],
      ['gh_bucket{le="+Inf"}', 1, undefined],
      ["gh_gsum", -4, undefined],
      ['ii_info{foo="bar"}', 1, undefined],
      ['ss{ss="foo"}', 1, undefined],
      ['foo_total{a="}\\" 1 # {"}', 17, '{id="counter-test"} 5 1520879607.5'],
      ["some:aggregate:rate5m", 1, undefined],
      ['_under{_l="x"}', NaN, undefined],
      ["inf", Infinity, undefined],
      ["minus", -Infinity, undefined],
      ["plain{}", 0.5, undefined],
    ]);
    const families = [
      "gc_seconds_sum",
      "hh_bucket",
      "hh_created",
      "gh_gsum",
      "ii_info",
      "ss",
      "foo_total",
      "inf",
    ];
    expect(families.map((name) => [familyOf(name).name, familyOf(name).type])).toEqual([
      ["gc_seconds", "summary"],
      ["hh", "histogram"],
      ["hh", "histogram"],
      ["gh", "gaugehistogram"],
      ["ii", "info"],
      ["ss", "stateset"],
      ["foo", "counter"],
      ["inf", "unknown"],
    ]);
    expect(familyOf("gc_seconds")).toMatchObject({
      unit: "seconds",
      help: 'How long it "paused".\nAll of it, \\ and \\x.',
    });
  });

  test("a gauge that is named like a part of another family is its own", () => {
    const { familyOf } = parseExposition(
      strict("# TYPE x histogram", "# TYPE x_created gauge", "x_count 1", "x_created 17"),
      openMetrics,
    );
    expect(familyOf("x_created")).toMatchObject({ name: "x_created", type: "gauge" });
    expect(familyOf("x_count").name).toBe("x");
  });

  test.each([
    ["no end", "a 1\n"],
    ["nothing", ""],
    ["an end without its word", "#EOF\n"],
    ["something after the end", "# EOF\na 1\n"],
    ["an empty line after the end", "# EOF\n\n"],
    ["an empty line", strict("a 1", "", "b 1")],
    ["a comment", strict("# a comment")],
    ["a type that there is not", strict("# TYPE u untyped")],
    ["a blank after the type", strict("# TYPE c counter ")],
    ["two blanks after #", strict("#  TYPE c counter")],
    ["a type of nothing", strict("# TYPE ")],
    ["no type", strict("# TYPE m")],
    ["a unit that does not end the name", strict("# UNIT metricsuffix suffix")],
    ["a tab for a blank", strict("a\t1")],
    ["two blanks", strict("a  1")],
    ["a blank at the end", strict("a 1 ")],
    ["a carriage return", strict("a 1\r")],
    ["a time that is none", strict("a 1 1z")],
    ["a time without an end", strict("a 1 NaN")],
    ["three numbers", strict("a 1 1 1")],
    ["no value", strict("a")],
    ["a value that is none", strict("a true")],
    ["an underscore in a number", strict("a 1_2")],
    ["a number in sixteens", strict("a 0x1p-3")],
    ["a name that begins with a digit", strict("1a 1")],
    ["single quotes", strict("a{b='c'} 1")],
    ["a comma first", strict('a{,b="c"} 1')],
    ["a comma last", strict('a{b="c",} 1')],
    ["no comma", strict('a{b="c"d="e"} 1')],
    ["two commas", strict('a{b="c",,d="e"} 1')],
    ["no label's name", strict('a{=""} 1')],
    ["a label that does not end", strict('a{b="c} 1')],
    ["an exemplar without a value", strict('a_total 1 # {aa="bb"}')],
    ["an exemplar without quotes", strict("a_total 1 # {aa=bb} 1")],
    ["an exemplar's value that is none", strict('a_total 1 # {aa="bb"} true')],
    ["an exemplar's time that is none", strict('a_total 1 # {aa="bb"} 4 -Inf')],
  ])("%s is refused", (_, body) => {
    expect(() => parseExposition(body, openMetrics)).toThrow(ExpositionError);
  });

  test("what is refused is named with its line", () => {
    expect(() => parseExposition(strict("a 1", "b true"), openMetrics)).toThrow(
      'line 2: expected a number, got "b true"',
    );
  });
});

describe("Prometheus' text format", () => {
  test("blanks, comments, empty lines and a comma too many are forgiven", () => {
    const body = [
      "# some comment",
      "#\tHELP   a_total  How often,\\n and \\\\ why.  ",
      "# TYPE a_total counter",
      'a_total { path = "/x y" , code="200", }  3   1395066363000 ',
      "",
      "   \t",
      "#",
      "b\t 4.5e3",
      'c{d="e"}5',
      "g Nan",
    ].join("\n");
    expect(parsed(body, text).map(({ series, value }) => [seriesParts(series), value])).toEqual([
      [
        {
          name: "a_total",
          labels: [
            ["path", "/x y"],
            ["code", "200"],
          ],
        },
        3,
      ],
      [{ name: "b", labels: [] }, 4_500],
      [{ name: "c", labels: [["d", "e"]] }, 5],
      [{ name: "g", labels: [] }, NaN],
    ]);
    expect(parseExposition(body, text).familyOf("a_total")).toMatchObject({
      name: "a",
      type: "counter",
      help: "How often,\n and \\ why.",
    });
  });

  test("a counter that does not end in _total keeps its name, and so is of no known type to OpenMetrics", () => {
    const { familyOf } = parseExposition("# TYPE requests counter\nrequests 1\n", text);
    expect(familyOf("requests")).toMatchObject({ name: "requests", type: "unknown" });
    expect(parseExposition("# TYPE u untyped\nu 1\n", "").familyOf("u").type).toBe("unknown");
  });

  test.each([
    ["a page", "<html><body>Not here</body></html>"],
    ["JSON", '{"status": "ok"}'],
    ["a type that there is not", "# TYPE a nothing\na 1"],
    ["a TYPE of nothing", "# TYPE\na 1"],
    ["no value", "a"],
    ["no value after labels", 'a{b="c"}'],
    ["an underscore in a number", "a 1_2"],
    ["a label that does not end", 'a{b="c} 1'],
    ["more than a time", "a 1 2 3"],
  ])("%s is refused", (_, body) => {
    expect(() => parseExposition(body, text)).toThrow(ExpositionError);
  });
});

test.each([
  ["OpenMetrics", Registry.OPENMETRICS_CONTENT_TYPE],
  ["Prometheus' text format", Registry.PROMETHEUS_CONTENT_TYPE],
] as const)("what prom-client writes as %s is read, sample by sample", async (_, contentType) => {
  const registry = new Registry<typeof contentType>();
  registry.setContentType(contentType);
  const registers = [registry];
  const isOpenMetrics = contentType === Registry.OPENMETRICS_CONTENT_TYPE;
  const labels = { l: 'a "b" \\ \n c' };
  const about = { name: "c_total", help: 'h "q" \\ \n', labelNames: ["l"], registers };
  if (isOpenMetrics)
    new Counter({ ...about, enableExemplars: true }).inc({
      labels,
      value: 2,
      exemplarLabels: { trace_id: "abc" },
    });
  else new Counter(about).inc(labels, 2);
  new Gauge({ name: "g", help: "h", registers }).set(-1.5e-7);
  new Histogram({ name: "h_seconds", help: "h", buckets: [0.1, 1], registers }).observe(0.5);
  new Summary({ name: "s", help: "h", percentiles: [0.5], registers }).observe(3);
  const { samples, familyOf } = parseExposition(await registry.metrics(), contentType);
  expect(samples.map(({ series, value }) => [series, value])).toEqual([
    ['c_total{l="a \\"b\\" \\\\ \\n c"}', 2],
    ["g", -1.5e-7],
    ['h_seconds_bucket{le="0.1"}', 0],
    ['h_seconds_bucket{le="1"}', 1],
    ['h_seconds_bucket{le="+Inf"}', 1],
    ["h_seconds_sum", 0.5],
    ["h_seconds_count", 1],
    ['s{quantile="0.5"}', 3],
    ["s_sum", 3],
    ["s_count", 1],
  ]);
  expect(["c_total", "g", "h_seconds_sum", "s"].map((name) => familyOf(name).type)).toEqual([
    "counter",
    "gauge",
    "histogram",
    "summary",
  ]);
  expect(samples[0]?.exemplar?.startsWith('{trace_id="abc"} 2 ')).toBe(isOpenMetrics || undefined);
});

test("a label that is there twice is refused", () => {
  expect(() => seriesParts('a{b="1",b="2"}')).toThrow("got b twice");
});

test("a label value of many quotes and backslashes is read in linear time", () => {
  const long = '\\"'.repeat(200_000);
  expect(parsed(strict(`a{b="${long}"} 1`), openMetrics)).toHaveLength(1);
  expect(() => parsed(strict(`a{b="${long} 1`), openMetrics)).toThrow(ExpositionError);
  expect(() => parsed(`a {b="${long} 1`, text)).toThrow(ExpositionError);
});
