import assert from "node:assert/strict";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { availableMemoryBytes } from "../../../src/platform/memory.ts";
import type { UpgradeReport } from "../../../src/protocol/report.ts";
import { checkMemory } from "../../../src/runtime/supervisor/stateSteps.ts";

const carrying = (...bytes: number[]) =>
  ({ states: bytes.map((each) => ({ bytes: each })) }) as UpgradeReport;

test("states that would not fit beside themselves are refused with 4, before anything is frozen", () => {
  const left = availableMemoryBytes();
  assert.ok(Number.isFinite(left), "this machine says what it has left");
  checkMemory(carrying(1_000, 2_000));
  // What is left changes meanwhile: far beyond it, but only the two of them together.
  const refused = (error: unknown) =>
    error instanceof TsugiError && error.code === "TSUGI_MEMORY_SHORT" && error.exitCode === 4;
  assert.throws(() => checkMemory(carrying(left, left)), refused);
});
