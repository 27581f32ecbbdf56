/** Short forms of `npm run long -- fuzz <target>`: what is honest, what was found, some hundred spoilt texts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzTarget } from "../helpers/fuzz/run.ts";
import { TARGETS } from "../helpers/fuzz/targets.ts";

const SEED = 1;
const ROUNDS = 250;

for (const [name, make] of Object.entries(TARGETS)) {
  test(`${name}: what is honest is taken`, async () => {
    const target = await make();
    for (const seed of target.seeds) assert.equal(await target.offer(seed), "", seed);
    await target.close();
  });

  test(`${name}: ${ROUNDS} spoilt texts, seed ${SEED}, are refused, ignored or taken whole`, async () => {
    const { outcomes } = await fuzzTarget(name, SEED, (rounds) => rounds < ROUNDS);
    assert.ok(
      [...outcomes.keys()].some((outcome) => outcome !== ""),
      "nothing was refused",
    );
  });
}
