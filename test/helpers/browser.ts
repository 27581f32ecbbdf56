/** Debian's Chromium, headless, for pages that a test has made. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { findProgram, needPrograms } from "./debian.ts";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(): Promise<Browser> {
  await needPrograms("chromium");
  return chromium.launch({ executablePath: findProgram("chromium")!, args: ARGUMENTS });
}

/** What the page's scripts have complained of, as it goes on. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

/** Violations of WCAG that axe finds: contrast, names, roles. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core")), "utf8");
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResult;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
