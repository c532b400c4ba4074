import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../../base/yaml-document.ts";
import { experimentSchema } from "../../experiment/experiment.ts";
import { k6Variables } from "../../experiment/k6-load.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/k6.md"), "utf8");

test("the experiment of docs/k6.md is one", () => {
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const document = plainDocument(parse(example), "x.yaml", "experiment");
  expect(checkDocument(document, experimentSchema()).load).toMatchObject({
    engine: "k6",
    journey: "shopper",
  });
});

test("docs/k6.md names every variable that a script is given", () => {
  const named = [...page.matchAll(/^\| `([A-Z][A-Z_]+)` /gm)].map(([, name]) => name);
  expect(named).toEqual([...k6Variables]);
});
