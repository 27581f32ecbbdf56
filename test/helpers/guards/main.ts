/**
 * The program behind `npm run long -- guards`: a copy of the project, in which one bug after the other is
 * planted and built; the guard of the promise is run there, and has to go red.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { folded, writeSection } from "../../../scripts/lib/reliability.ts";
import { runCommand } from "../commands.ts";
import { projectRoot } from "../example.ts";
import { BUGS, type Guard, type PlantedBug, PROMISES, planted } from "./bugs.ts";

const GUARD_TIMEOUT_MS = 300_000;

type Outcome = "caught" | "MISSED" | "not run: needs root";

const { values } = parseArgs({
  options: {
    promise: { type: "string" },
    bug: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const chosen = BUGS.filter(
  ({ promise, bug }) =>
    [undefined, String(promise)].includes(values.promise) && bug.includes(values.bug ?? ""),
);
if (values.write && chosen.length < BUGS.length) throw new Error("--write takes all of them");
// All of them can be planted, or none is: a row that was left out would look like one that was caught.
for (const bug of chosen) planted(bug, projectRoot);
const workshop = copyProject();
const rows: string[][] = [];
try {
  for (const bug of chosen) {
    const outcome = await tryOut(bug, workshop);
    const { promise, guard } = bug;
    console.log(`${promise}. ${bug.bug}\n   ${outcome}: ${nameOf(guard)}`);
    rows.push([`${promise}. ${PROMISES[promise]}`, bug.bug, outcome, nameOf(guard)]);
  }
} finally {
  rmSync(workshop, { recursive: true, force: true });
}
const missed = rows.filter(([, , outcome]) => outcome === "MISSED").length;
console.log(`${rows.length} bugs planted, ${missed} missed`);
if (values.write) write();
process.exitCode = missed > 0 ? 1 : 0;

function nameOf(guard: Guard): string {
  if ("test" in guard) return `\`${guard.file.replace(/^test\//, "")}\`: ${guard.test}`;
  return `\`npm run long -- crash\`: ${guard.scenario}, ${guard.label}, ${guard.fault}`;
}

function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-guards-"));
  const isLeftOut = (path: string) =>
    ["node_modules", ".git", "dist", "rel"].includes(basename(path));
  cpSync(projectRoot, folder, {
    recursive: true,
    // By them the scripts know that nothing is to be installed: node_modules is ours, by a link.
    preserveTimestamps: true,
    filter: (path) => path === projectRoot || !isLeftOut(path),
  });
  symlinkSync(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  return folder;
}

async function tryOut(bug: PlantedBug, root: string): Promise<Outcome> {
  if ("needsRoot" in bug.guard && process.getuid?.() !== 0) return "not run: needs root";
  const path = join(root, bug.file);
  const whole = readFileSync(path, "utf8");
  writeFileSync(path, planted(bug, root));
  try {
    const built = await runCommand(process.execPath, ["scripts/build.mjs"], { cwd: root });
    if (built.status !== 0) throw new Error(`${bug.bug}: it does not build\n${built.output}`);
    return (await isRed(bug.guard, root)) ? "caught" : "MISSED";
  } finally {
    writeFileSync(path, whole);
  }
}

function isRed(guard: Guard, root: string): Promise<boolean> {
  return "test" in guard ? isTestRed(guard, root) : isCellRed(guard, root);
}

/** The sweep has to have got as far as to run the cell. */
async function isCellRed(
  { scenario, label, fault }: Extract<Guard, { label: string }>,
  root: string,
): Promise<boolean> {
  const args = ["--scenario", scenario, "--label", label, "--fault", fault];
  const command = ["scripts/long.mjs", "crash", ...args];
  const options = { cwd: root, timeoutMs: GUARD_TIMEOUT_MS };
  const { status, output } = await runCommand(process.execPath, command, options);
  if (!/[1-9]\d* cells, [1-9]\d* of them to run/.test(output)) {
    throw new Error(`npm run long -- crash has not run ${args.join(" ")}\n${output}`);
  }
  return status === 1;
}

/** That test, or one of those whose names begin so, has to have failed: one that could not even be loaded has guarded nothing. */
async function isTestRed(
  { file, test }: Extract<Guard, { test: string }>,
  root: string,
): Promise<boolean> {
  const pattern = `--test-name-pattern=^${literally(test)}`;
  const args = ["--import", "tsx", "--test", "--test-reporter=tap", pattern, file];
  const result = await runCommand(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    timeoutMs: GUARD_TIMEOUT_MS,
  });
  const line = new RegExp(`^\\s*(not )?ok \\d+ - ${literally(tap(test))}(?!.*# SKIP)`, "gm");
  const ran = [...result.stdout.matchAll(line)];
  if (ran.length === 0) throw new Error(`${file} has not run "${test}"\n${result.output}`);
  return ran.some(([, isNot]) => isNot !== undefined);
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** How a reporter of Node's writes a name. */
function tap(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("#", "\\#");
}

function write(): void {
  const lines = rows.map((row) => `| ${row.join(" | ")} |`);
  const table = ["| promise | planted bug | | by the guard |", "|---|---|---|---|", ...lines];
  const caught = rows.filter(([, , outcome]) => outcome === "caught").length;
  const body = folded(`${caught} of ${rows.length} planted bugs caught`, table.join("\n"));
  writeSection({ name: "guards", command: "npm run long -- guards --write", body });
}
