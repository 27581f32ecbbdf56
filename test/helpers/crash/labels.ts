/** The labels that the sources have, to hold against those that the scenarios pass. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { STEP_RUNS } from "../../../src/runtime/supervisor/steps.ts";
import { projectRoot } from "../example.ts";

/** Where a label is put together: from the table of steps, and from the names of writes, found below. */
const BUILT_IN = new Set([
  "platform/files.ts",
  "runtime/supervisor/upgrade.ts",
  "platform/faults.ts",
]);

const STEP_LABELS = Object.entries(STEP_RUNS).flatMap(([op, { undo }]) =>
  undo ? [`upgrade:${op}`, `undo:${op}`] : [`upgrade:${op}`],
);

const WRITES = new Map([
  ["writeDurably", ["write", "rename", "renamed"]],
  ["renameDurably", ["rename", "renamed"]],
  ["appendDurably", ["append"]],
]);
const MARKS = new Set(["fault", "instant", "persist", ...WRITES.keys()]);

/** Everything that runs on a host; what builds and stores releases has tests of its own. */
export function labelsOfSources(): Set<string> {
  const src = join(projectRoot, "src");
  const files = ["platform", "handler", "control", "runtime"].flatMap((room) =>
    readdirSync(join(src, room), { recursive: true, encoding: "utf8" }).map(
      (path) => `${room}/${path}`,
    ),
  );
  const written = files
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => labelsOf(src, path));
  return new Set([...STEP_LABELS, ...written]);
}

function labelsOf(src: string, path: string): string[] {
  const code = readFileSync(join(src, path), "utf8");
  const calls = [...code.matchAll(/(?<!function |async )(\b\w+)\(\s*(["`])([^"`]+)\2/g)];
  return calls.flatMap(([, name = "", quote, text = ""]) => {
    const isMark = MARKS.has(name);
    if (isMark && quote === "`" && !BUILT_IN.has(path)) {
      throw new Error(`${path}: nobody can tell which label ${text} is`);
    }
    if (!isMark || quote === "`") return [];
    return WRITES.get(name)?.map((instant) => `${text}:${instant}`) ?? [text];
  });
}
