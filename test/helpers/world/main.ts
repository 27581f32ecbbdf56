/**
 * The program behind `npm run long -- world`: each project of shapes.ts is made, released with no
 * configuration, and goes through a life on a host that has no Node.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { folded, rowsOf, writeSection } from "../../../scripts/lib/reliability.ts";
import { endCommands } from "../commands.ts";
import { type Course, STEPS, travel } from "./journey.ts";
import { WORLD } from "./shapes.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    results: { type: "string" },
    keep: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
if (values.list) {
  console.log(Object.keys(WORLD).join("\n"));
  process.exit(0);
}
const unknown = positionals.filter((name) => !Object.hasOwn(WORLD, name));
if (unknown.length > 0) throw new Error(`no project ${unknown.join(", ")}; --list has them`);

/** A file of results may be of several days. */
type Line = Course & { name: string; day: string };
const results = new Map(earlier().map((line) => [line.name, line]));
const wanted = positionals.length > 0 ? positionals : Object.keys(WORLD);
process.once("SIGINT", () => void endCommands().then(() => process.exit(130)));
let failed = 0;
for (const name of wanted.filter((name) => positionals.length > 0 || !results.has(name))) {
  console.log(name);
  const base = mkdtempSync(join(tmpdir(), "tsugi-world-"));
  const course = await travel(WORLD[name]!, base);
  const line = { name, day: new Date().toISOString().slice(0, 10), ...course };
  results.set(name, line);
  if (values.results !== undefined) appendFileSync(values.results, `${JSON.stringify(line)}\n`);
  const problem = Object.entries(course.steps).find(([, text]) => text.startsWith("FAIL"));
  if (problem !== undefined) failed += 1;
  console.log(problem === undefined ? "  whole" : `  ${problem.join(": ")}`);
  if (values.keep) console.log(`  kept in ${base}`);
  else rmSync(base, { recursive: true, force: true });
}
console.log(table().join("\n"));
if (values.write) {
  const body = folded(`${Object.keys(WORLD).length} projects, step by step`, table().join("\n"));
  writeSection({ name: "world", command: "npm run long -- world --write", body });
}
process.exitCode = failed > 0 ? 1 : 0;

/** Of the same file; a later line of a project wins. */
function earlier(): Line[] {
  const { results } = values;
  if (results === undefined || !existsSync(results)) return [];
  return readFileSync(results, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

function table(): string[] {
  const header = ["project", "made by", "version", "day", ...STEPS];
  const line = (cells: string[]) => `| ${header.map((_, at) => cells[at] ?? "").join(" | ")} |`;
  const before = rowsOf("world", line(header));
  const rows = Object.keys(WORLD).map((name) => {
    const course = results.get(name);
    if (course === undefined)
      return before.get(name) ?? line([name, WORLD[name]!.by, "", "", "not run"]);
    const { steps, day, version = "" } = course;
    const made = steps.made?.startsWith("FAIL") ? shortOf(steps.made) : WORLD[name]!.by;
    return line([name, made, version, day, ...STEPS.map((step) => shortOf(steps[step] ?? "–"))]);
  });
  return [line(header), line(header.map(() => "---")), ...rows];
}

/** In a cell: one line of it. */
function shortOf(text: string): string {
  const lines = text.split("\n");
  const told = lines.find((line) => /error |FAIL/.test(line)) ?? lines[0]!;
  return told.slice(0, 160).replaceAll("|", "\\|");
}
