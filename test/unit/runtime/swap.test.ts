/** What a swap says of the generation that it has left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Generation, Slot } from "../../../src/runtime/supervisor/generation.ts";
import type { Supervisor } from "../../../src/runtime/supervisor/supervisor.ts";
import { Swap } from "../../../src/runtime/supervisor/swap.ts";

const retired = async (exit: { code: number | null; signal: string } | null) => {
  const gone = () => Promise.reject(new Error("no answer"));
  const worker = { boot: { generation: 3 }, pid: 77, exit, request: gone, unload: gone };
  const swap = new Swap({} as Supervisor, {} as Generation);
  const { leftovers } = await swap.retire([{ worker } as unknown as Slot], { drainMs: 1 });
  return leftovers;
};

test("of a process that does not answer, the generation may still run", async () => {
  assert.deepEqual(await retired(null), [{ what: "generation 3 in worker 77" }]);
});

test("of a process that has died meanwhile, nothing is left", async () => {
  assert.deepEqual(await retired({ code: null, signal: "SIGKILL" }), []);
});
