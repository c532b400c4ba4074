import type { Summary } from "../record/summary.ts";
import { page } from "./html/page.ts";

/** `report.html`: one file for a browser, without network and without script. */
export function renderHtml(summary: Summary): string {
  return page(summary);
}
