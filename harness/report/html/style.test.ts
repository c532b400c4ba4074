import { describe, expect, it } from "vitest";
import { style } from "./style.ts";

/** Relative luminance of `#rrggbb`, after WCAG 2.2. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe("the style sheet", () => {
  const [light = "", dark = ""] = style.split("prefers-color-scheme: dark");
  const pairs = [
    ...["paper", "card", "track"].flatMap((ground) => ["ink", "soft"].map((text) => [text, ground] as const)),
    ...["paper", "card"].map((ground) => ["link", ground] as const),
    ...["good", "bad", "warn", "stop", "fault"].flatMap((tone) => [
      [tone, `${tone}-wash`] as const,
      [tone, "card"] as const,
      ["soft", `${tone}-wash`] as const,
    ]),
    ["bad", "fault-wash"] as const,
  ];

  it.each([
    ["light", light],
    ["dark", dark],
  ])("gives every text on its ground a contrast of at least 4.5 in %s", (_, rules) => {
    const color = (name: string): string => new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(rules)?.[1] ?? "";
    const weak = pairs
      .map(([text, ground]) => ({ text, ground, ratio: contrast(color(text), color(ground)) }))
      .filter(({ ratio }) => !(ratio >= 4.5));
    expect(weak).toEqual([]);
  });

  it("knows black on white has 21 times the light", () => {
    expect(contrast("#000000", "#ffffff")).toBe(21);
  });
});
