/**
 * Test files with Node's own runner, which would take them by their names: by testOrder.ts instead.
 * At the end it says which took longest.
 */
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { inOrder } from "./testOrder.ts";

const files = inOrder(process.argv.slice(2));
/** As many as there are processors: with three on two, tests of load ran out of their time on a slow machine. */
const concurrency = Number(process.env.TSUGI_TEST_CONCURRENCY ?? availableParallelism());

const seconds = new Map();
const events = run({ files, concurrency });
events.on("test:complete", ({ nesting, name, details }) => {
  if (nesting === 0 && files.includes(name)) seconds.set(name, details.duration_ms / 1000);
});
events.on("test:fail", ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
const shown = events.compose(new spec());
shown.on("end", () => {
  const slowest = [...seconds].sort(([, one], [, other]) => other - one).slice(0, 10);
  for (const [file, took] of slowest)
    console.log(`${took.toFixed(1).padStart(7)} s  ${relative("", file)}`);
});
shown.pipe(process.stdout);
