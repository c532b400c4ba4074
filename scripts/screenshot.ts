import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

/**
 * A picture of a report as a browser shows it, to look at:
 *
 *   node scripts/screenshot.ts FILE.html OUT.png WIDTH [--first-screen] [--dark] [--print]
 *
 * The whole page, or with `--first-screen` only what is seen before scrolling (800 px high); `--print` as on paper.
 * Needs Chromium: the program that the environment names in CHROMIUM, else /usr/bin/chromium (Debian: `apt-get install
 * chromium`). Exits 1 when the page is wider than the window, loads anything, or violates its own policy.
 */

const usage = "usage: node scripts/screenshot.ts FILE.html OUT.png WIDTH [--first-screen] [--dark] [--print]";
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { "first-screen": { type: "boolean" }, dark: { type: "boolean" }, print: { type: "boolean" } },
});
const [file, picture, widthText] = positionals;
const width = Number(widthText);
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

if (file === undefined || picture === undefined || !Number.isInteger(width) || width < 1) fail(usage);
if (!existsSync(file)) fail(`there is no file ${file}`);
if (!existsSync(executablePath))
  fail(
    `there is no Chromium at ${executablePath}: install it, or name it in the environment variable CHROMIUM`,
  );

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage({
    viewport: { width, height: 800 },
    deviceScaleFactor: width < 600 ? 2 : 1,
    colorScheme: values.dark === true ? "dark" : "light",
  });
  const problems: string[] = [];
  page.on("console", (message) => problems.push(`the console says: ${message.text()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) problems.push(`it loads ${request.url()}`);
  });
  await page.goto(`file://${resolve(file)}`);
  if (values.print === true) await page.emulateMedia({ media: "print" });
  const pageWidth = Number(await page.evaluate("document.documentElement.scrollWidth"));
  if (pageWidth > width) problems.push(`it is ${pageWidth} px wide in a window of ${width} px`);
  await page.screenshot({ path: picture, fullPage: values["first-screen"] !== true });
  for (const problem of problems) console.error(`${file}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await browser.close();
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
