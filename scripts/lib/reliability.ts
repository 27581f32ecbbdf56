/**
 * docs/reliability.md: prose by hand, and one section for each machine that tries to break the
 * promises. A section stands between two markers and is written by its machine, as it came out:
 *
 *   <!-- crash: written by `npm run long -- crash --write` -->  …  <!-- /crash -->
 */
import { readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";

export const RELIABILITY_PAGE = fileURLToPath(
  new URL("../../docs/reliability.md", import.meta.url),
);

/** What few read to its end. */
const CELLS_PAGE = fileURLToPath(new URL("../../docs/reliability-cells.md", import.meta.url));

/**
 * Section → the machine that writes it, and its arguments; `--write` is added. `npm run long -- reliability`
 * runs them in this order.
 */
export const MACHINES: Readonly<Record<string, readonly string[]>> = {
  crash: ["crash"],
  "crash-beam": ["crash:beam"],
  soak: ["soak", "--minutes", "10"],
  power: ["power", "--cuts", "100"],
  operator: ["operator", "--minutes", "10"],
  swaps: ["soak", "--swap", "--upgrades", "500"],
  "swaps-express": ["soak", "--swap", "--upgrades", "500", "--express"],
  archives: ["fuzz", "300"],
  readers: ["fuzz", "readers"],
  texts: ["fuzz", "all", "--seconds", "60"],
  world: ["world"],
  guards: ["guards"],
};

/** Those of the page, in its order. */
export function sectionsOf(page: string): string[] {
  return [...page.matchAll(/^<!-- \/([\w-]+) -->$/gm)].map(([, name]) => name!);
}

export interface Section {
  /** Names the markers. */
  name: string;
  /** What repeats it, as typed. */
  command: string;
  /** Markdown: tables, as they came out. */
  body: string;
  /** Long ones: in a section of the same name on a page of their own. */
  cells?: string;
}

/** Replaces that section of the page, and nothing else. */
export function writeSection(section: Section, path = RELIABILITY_PAGE): void {
  writeFileSync(path, withSection(readFileSync(path, "utf8"), section));
  const { cells } = section;
  if (cells === undefined) return;
  const page = readFileSync(CELLS_PAGE, "utf8");
  writeFileSync(CELLS_PAGE, withSection(page, { ...section, body: cells }));
}

export function withSection(page: string, { name, command, body }: Section): string {
  const repeated = `*${machine()}. To repeat it: \`${command}\`.*`;
  return withText(page, { name, command, body: `${repeated}\n\n${body.trim()}` });
}

/** The same for what says itself where it comes from. */
export function withText(page: string, { name, command, body }: Section): string {
  const { from, to } = placeOf(name, page);
  const text = [`<!-- ${name}: written by \`${command}\` -->`, body.trim(), endOf(name)];
  return page.slice(0, from) + text.join("\n\n") + page.slice(to);
}

/**
 * What a section's table says already, by the first cell: a machine that ran for some of its rows leaves
 * the others as they came out. None where its head is another one.
 */
export function rowsOf(
  name: string,
  head: string,
  page = readFileSync(RELIABILITY_PAGE, "utf8"),
): Map<string, string> {
  const { from, to } = placeOf(name, page);
  const lines = page.slice(from, to).split("\n");
  const rows = lines.includes(head) ? lines.slice(lines.indexOf(head) + 2) : [];
  const table = rows.slice(
    0,
    rows.findIndex((line) => !line.startsWith("| ")),
  );
  return new Map(table.map((line) => [line.slice(2, line.indexOf(" | ")), line]));
}

const endOf = (name: string) => `<!-- /${name} -->`;

function placeOf(name: string, page: string): { from: number; to: number } {
  const begin = `<!-- ${name}: `;
  const end = endOf(name);
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no section ${begin}… --> … ${end}`);
  return { from, to: to + end.length };
}

/** A table that few read to its end is a line that opens; Markdown in it wants its empty lines. */
export const folded = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;

/** Where and when: what a number is worth nothing without. */
export function machine(now = new Date()): string {
  const processors = `${cpus().length} × ${cpus()[0]?.model.trim() || "CPU"}`;
  const memoryGb = Math.round(totalmem() / 1024 ** 3);
  const system = `${type()} ${release()} ${arch()}`;
  const day = now.toISOString().slice(0, 10);
  return `${day}, ${system}, ${processors}, ${memoryGb} GB, Node ${process.versions.node}`;
}
