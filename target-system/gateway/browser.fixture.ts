import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

/** A browser window of somebody who was never in the shop before. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /**
   * Looks at the page as it is, wide and narrow: it must not scroll sideways. Where the environment names a folder in
   * SCREENSHOTS, leaves pictures there.
   * @throws {Error} when it is wider than the window
   */
  readonly look: (name: string) => Promise<void>;
  /** What no page may do: throw, break its own policy, or write errors to the console. */
  readonly faults: readonly string[];
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
}

const wide = { width: 1280, height: 900 };
const narrow = { width: 400, height: 800 };

export async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: wide,
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`it throws ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    // Chromium writes down each answer that is a refusal; what the page makes of it is what counts.
    const isRefusal = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isRefusal)
      faults.push(`the console says ${message.text()}`);
  });
  return {
    page,
    faults,
    async look(name) {
      for (const size of [narrow, wide]) {
        await page.setViewportSize(size);
        const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
        if (width > size.width) throw new Error(`${name} is ${width} px wide in ${size.width} px`);
        const folder = process.env["SCREENSHOTS"];
        if (folder === undefined || folder === "") continue;
        mkdirSync(folder, { recursive: true });
        await page.screenshot({ path: join(folder, `${name}-${size.width}.png`), fullPage: true });
      }
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}
