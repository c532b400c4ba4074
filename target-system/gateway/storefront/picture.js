import { newId, svg } from "./dom.js";

/**
 * Pictures of products, drawn, since nobody photographed them: a ground in the pattern of the category, and on it the thing
 * that the product's name ends with, in the colour that its name begins with.
 *
 * @import { Product } from "./types.js"
 * @typedef {{readonly ground: string, readonly ink: string, readonly pattern: (ink: string) => readonly SVGElement[]}} Look
 */

/** @param {string} d @param {string} stroke */
const line = (d, stroke) => svg("path", { d, fill: "none", stroke, "stroke-width": 3 });
/** @param {number} cx @param {number} cy @param {number} r @param {string} fill */
const dot = (cx, cy, r, fill) => svg("circle", { cx, cy, r, fill });

/** Each pattern is a tile of 40 by 40. @type {Readonly<Record<string, Look>>} */
const looks = {
  books: { ground: "#f5e6d6", ink: "#8f5527", pattern: (ink) => [line("M0 10h40M0 30h24M30 30h10", ink)] },
  garden: {
    ground: "#e0eedd",
    ink: "#3a7345",
    pattern: (ink) => [line("M20 34c0-12 8-18 16-18M20 34c0-8-6-14-14-14M20 40V30", ink)],
  },
  kitchen: {
    ground: "#fbe7d5",
    ink: "#b35a24",
    pattern: (ink) => [line("M0 0h40v40", ink), dot(20, 20, 4, ink)],
  },
  music: { ground: "#e9e2f5", ink: "#6446a0", pattern: (ink) => [line("M0 20q10-16 20 0t20 0", ink)] },
  office: { ground: "#e0e9f4", ink: "#315e97", pattern: (ink) => [line("M0 20h40M20 0v40", ink)] },
  outdoor: {
    ground: "#dcefe8",
    ink: "#1d7161",
    pattern: (ink) => [line("M0 34l10-14 8 10 8-16 14 20", ink)],
  },
  sports: { ground: "#fde3e0", ink: "#ad352d", pattern: (ink) => [line("M-10 30L30-10M10 50L50 10", ink)] },
  tools: {
    ground: "#e9e7e2",
    ink: "#55524b",
    pattern: (ink) => [line("M20 6l12 7v14l-12 7-12-7V13z", ink)],
  },
  toys: {
    ground: "#fff0c8",
    ink: "#946a05",
    pattern: (ink) => [dot(10, 10, 5, ink), dot(30, 30, 5, ink), line("M25 10h10M30 5v10", ink)],
  },
  travel: { ground: "#dbeef6", ink: "#1b6b88", pattern: (ink) => [line("M6 6l28 28M34 28v6h-6", ink)] },
};
/** @type {Look} */
const plainLook = { ground: "#ece8e0", ink: "#6a655d", pattern: (ink) => [dot(20, 20, 3, ink)] };

/** @type {Readonly<Record<string, string>>} */
const colours = { red: "#c2432f", blue: "#2f6cb3", green: "#3b8a50" };

/**
 * Things, each drawn in a square of 200 by 200 with a colour, its shadow and its light.
 * @typedef {{readonly main: string, readonly dark: string, readonly light: string}} Paint
 * @type {Readonly<Record<string, (paint: Paint) => readonly SVGElement[]>>}
 */
const things = {
  lamp: ({ main, dark, light }) => [
    svg("rect", { x: 94, y: 104, width: 12, height: 62, fill: dark }),
    svg("rect", { x: 60, y: 162, width: 80, height: 14, rx: 7, fill: dark }),
    svg("path", { d: "M66 28h68l30 80H36z", fill: main }),
    svg("path", { d: "M78 28h22l-8 80H62z", fill: light }),
    dot(148, 128, 5, dark),
    line("M148 108v18", dark),
  ],
  chair: ({ main, dark, light }) => [
    svg("rect", { x: 54, y: 24, width: 14, height: 152, rx: 6, fill: dark }),
    svg("rect", { x: 132, y: 106, width: 14, height: 70, rx: 6, fill: dark }),
    svg("rect", { x: 60, y: 30, width: 20, height: 66, rx: 8, fill: main }),
    svg("rect", { x: 54, y: 94, width: 96, height: 24, rx: 10, fill: main }),
    svg("rect", { x: 62, y: 98, width: 80, height: 6, rx: 3, fill: light }),
  ],
  mug: ({ main, dark, light }) => [
    svg("path", {
      d: "M132 84h14a24 24 0 0 1 0 52h-14",
      fill: "none",
      stroke: dark,
      "stroke-width": 14,
    }),
    svg("rect", { x: 46, y: 62, width: 92, height: 108, rx: 16, fill: main }),
    svg("rect", { x: 58, y: 76, width: 12, height: 78, rx: 6, fill: light }),
    line("M76 46q-8-10 0-20M104 46q-8-10 0-20", dark),
  ],
  guitar: ({ main, dark, light }) => [
    svg(
      "g",
      { transform: "rotate(38 100 100)" },
      svg("rect", { x: 92, y: 4, width: 16, height: 96, fill: dark }),
      svg("rect", { x: 86, y: -6, width: 28, height: 26, rx: 5, fill: dark }),
      svg("ellipse", { cx: 100, cy: 108, rx: 34, ry: 30, fill: main }),
      svg("ellipse", { cx: 100, cy: 152, rx: 46, ry: 40, fill: main }),
      dot(100, 128, 14, dark),
      svg("rect", { x: 82, y: 164, width: 36, height: 8, rx: 4, fill: dark }),
      svg("path", { d: "M97 10v158M103 10v158", stroke: light, "stroke-width": 2 }),
    ),
  ],
  notebook: ({ main, dark, light }) => [
    svg("rect", { x: 48, y: 26, width: 108, height: 150, rx: 10, fill: main }),
    svg("rect", { x: 48, y: 26, width: 24, height: 150, rx: 10, fill: dark }),
    svg("rect", { x: 88, y: 56, width: 52, height: 32, rx: 4, fill: light }),
    svg("path", { d: "M96 68h36M96 77h24", stroke: dark, "stroke-width": 3 }),
    svg("rect", { x: 138, y: 26, width: 6, height: 150, fill: dark }),
  ],
  tent: ({ main, dark, light }) => [
    svg("path", { d: "M100 36L186 168H14z", fill: main }),
    svg("path", { d: "M100 36L58 168H14z", fill: light }),
    svg("path", { d: "M100 84l34 84H66z", fill: dark }),
    line("M100 36l-8-16M100 36l8-16", dark),
  ],
  ball: ({ main, dark, light }) => [
    dot(100, 104, 70, main),
    svg("path", { d: "M44 62a70 70 0 0 0 0 84c24-22 24-62 0-84z", fill: light }),
    svg("path", { d: "M156 62a70 70 0 0 1 0 84c-24-22-24-62 0-84z", fill: dark }),
    svg("path", { d: "M100 34v140", stroke: dark, "stroke-width": 4 }),
  ],
  hammer: ({ main, dark, light }) => [
    svg(
      "g",
      { transform: "rotate(40 100 100)" },
      svg("rect", { x: 91, y: 52, width: 18, height: 130, rx: 8, fill: main }),
      svg("rect", { x: 95, y: 84, width: 5, height: 88, rx: 2, fill: light }),
      svg("path", { d: "M58 22h72c10 0 18 6 22 18-10-6-18-4-24 16H58z", fill: dark }),
      svg("rect", { x: 46, y: 16, width: 18, height: 46, rx: 5, fill: dark }),
    ),
  ],
  puzzle: ({ main, dark, light }) => [
    svg("path", {
      d: "M40 64h42a17 17 0 1 1 32 0h42v42a17 17 0 1 0 0 32v42H114a17 17 0 1 0-32 0H40v-42a17 17 0 1 1 0-32z",
      fill: main,
    }),
    svg("path", { d: "M50 74h28M50 74v22", stroke: light, "stroke-width": 7, "stroke-linecap": "round" }),
    svg("path", { d: "M146 170h-26", stroke: dark, "stroke-width": 7, "stroke-linecap": "round" }),
  ],
  backpack: ({ main, dark, light }) => [
    svg("path", { d: "M78 48V38a22 22 0 0 1 44 0v10", fill: "none", stroke: dark, "stroke-width": 9 }),
    svg("rect", { x: 38, y: 96, width: 20, height: 66, rx: 10, fill: dark }),
    svg("rect", { x: 142, y: 96, width: 20, height: 66, rx: 10, fill: dark }),
    svg("path", { d: "M50 92a50 50 0 0 1 100 0v72a14 14 0 0 1-14 14H64a14 14 0 0 1-14-14z", fill: main }),
    svg("rect", { x: 68, y: 116, width: 64, height: 46, rx: 9, fill: dark }),
    svg("path", { d: "M68 132h64", stroke: light, "stroke-width": 4 }),
    svg("path", { d: "M72 76h56", stroke: light, "stroke-width": 6, "stroke-linecap": "round" }),
  ],
};

/** @param {Paint} paint */
const parcel = ({ main, dark, light }) => [
  svg("path", { d: "M100 30l72 36v76l-72 36-72-36V66z", fill: main }),
  svg("path", { d: "M100 102l72-36v76l-72 36z", fill: dark }),
  svg("path", { d: "M64 48l72 36v24", fill: "none", stroke: light, "stroke-width": 10 }),
];

/**
 * For the eye alone: the product's name stands beside it.
 * @param {Pick<Product, "name" | "category">} product
 */
export function pictureOf({ name, category = "" }) {
  const look = looks[category] ?? plainLook;
  const words = name.toLowerCase().split(/\s+/);
  const main = colours[words[0] ?? ""] ?? look.ink;
  const paint = { main, dark: mixed(main, "black", 30), light: mixed(main, "white", 45) };
  const draw = things[words.at(-1) ?? ""] ?? parcel;
  const pattern = newId("pattern");
  return svg(
    "svg",
    {
      class: "picture",
      viewBox: "0 0 400 300",
      "aria-hidden": "true",
      preserveAspectRatio: "xMidYMid slice",
    },
    svg(
      "defs",
      {},
      svg(
        "pattern",
        { id: pattern, width: 40, height: 40, patternUnits: "userSpaceOnUse" },
        ...look.pattern(look.ink),
      ),
    ),
    svg("rect", { width: 400, height: 300, fill: look.ground }),
    svg("rect", { width: 400, height: 300, fill: `url(#${pattern})`, opacity: 0.13 }),
    svg("ellipse", { cx: 200, cy: 246, rx: 84, ry: 10, fill: look.ink, opacity: 0.18 }),
    svg("g", { transform: "translate(90 36) scale(1.1)" }, ...draw(paint)),
  );
}

/** @param {string} hex @param {"black" | "white"} into @param {number} percent */
function mixed(hex, into, percent) {
  const target = into === "black" ? 0 : 255;
  const channels = [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
  return `rgb(${channels.map((channel) => Math.round(channel + ((target - channel) * percent) / 100)).join(" ")})`;
}
