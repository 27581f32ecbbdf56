import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { layoutOf } from "../../../src/release/layout.ts";
import {
  ownSocketName,
  removeRunFiles,
  sweepRunFiles,
} from "../../../src/runtime/supervisor/runFiles.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const KEPT = ["boot.err", "control.sock", "lock", "pid", "workers"];
const of = (pid: number) => [
  `control.${pid}.sock`,
  `control.sock.${pid}`,
  `lock.${pid}.1`,
  `pid.${pid}`,
  `state.${pid}.3`,
  `workers.${pid}`,
];

function runFolder(path: string) {
  const layout = layoutOf(path, "wall");
  mkdirSync(layout.run, { recursive: true });
  for (const name of [...KEPT, ...of(7), ...of(77)]) writeFileSync(`${layout.run}/${name}`, "");
  return layout;
}

test("a start sweeps what supervisors that were killed have left in run/", async () => {
  using folder = temporaryFolder();
  const layout = runFolder(folder.path);
  writeFileSync(layout.exitCode, "1");
  await sweepRunFiles(layout);
  assert.deepEqual(readdirSync(layout.run).sort(), KEPT);
});

test("a successor that is given up leaves nothing in run/, and the living one keeps its files", async () => {
  using folder = temporaryFolder();
  const layout = runFolder(folder.path);
  await sweepRunFiles(layout, 7);
  assert.deepEqual(readdirSync(layout.run).sort(), [...KEPT, ...of(77)].sort());
});

test("what can't be removed of run/ keeps no supervisor from ending, nor the rest from being removed", () => {
  using folder = temporaryFolder();
  const layout = layoutOf(folder.path, "wall");
  const before = process.cwd();
  mkdirSync(join(layout.run, ownSocketName()), { recursive: true });
  for (const path of [layout.pid, layout.workers, layout.lock])
    writeFileSync(path, `${process.pid}`);
  process.chdir(layout.run);
  try {
    removeRunFiles(layout);
  } finally {
    process.chdir(before);
  }
  assert.deepEqual(readdirSync(layout.run), [ownSocketName()]);
});
