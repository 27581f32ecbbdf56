/** What a step of an upgrade makes of an old worker that dies in its midst: carry, announce, freeze. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { Unsteady } from "../../../src/runtime/supervisor/unsteady.ts";
import type { WorkerHandle } from "../../../src/runtime/supervisor/workerHandle.ts";

/** What was asked fails as its pipe ends, and its own end is seen a moment later. */
function dying() {
  let seenDead = () => {};
  const exited = new Promise<void>((resolve) => {
    seenDead = resolve;
  });
  const worker = { exited, declared: {} } as unknown as WorkerHandle;
  const ask = async () => {
    setTimeout(seenDead, 50);
    throw new TsugiError("TSUGI_ANNOUNCE_CUT_OFF", {});
  };
  return { worker, ask };
}

test("of one that has crashed lately it is nothing: what it held is gone either way", async () => {
  const { worker, ask } = dying();
  const unsteady = new Unsteady();
  unsteady.add(worker);
  assert.equal(await unsteady.ask([worker], ask), undefined);
  assert.equal(worker.declared, undefined);
});

test("of a steady one it is a failure, told when its end has been seen: that says more", async () => {
  const { worker, ask } = dying();
  let isSeen = false;
  void worker.exited.then(() => {
    isSeen = true;
  });
  await assert.rejects(new Unsteady().ask([worker], ask), { code: "TSUGI_ANNOUNCE_CUT_OFF" });
  assert.ok(isSeen);
});

test("any other failure of a steady one is told at once", async () => {
  const { worker } = dying();
  const ask = async () => {
    throw new TsugiError("TSUGI_NOTHING_TO_COMMIT", {});
  };
  await assert.rejects(new Unsteady().ask([worker], ask), { code: "TSUGI_NOTHING_TO_COMMIT" });
});
