/** The fuzzer's short form: the corpus as it is, and some hundred archives made from it. `npm run long -- fuzz` goes on. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, test } from "node:test";
import { corpusFolder, readCorpus } from "../../helpers/fuzzCorpus.ts";
import { FuzzedHost, honestDelta, honestTarball, spoiltOffer } from "../../helpers/fuzzUnpack.ts";
import { random } from "../../helpers/random.ts";

const ROUNDS = 150;
const SEED = 1;

const host = await FuzzedHost.create();
after(() => host[Symbol.dispose]());

test("honest archives are unpacked whole", async () => {
  for (const offer of [await honestTarball(), await honestDelta()]) {
    assert.deepEqual(await host.offer(offer), { outcome: "whole", problem: "" });
  }
});

for (const name of readdirSync(corpusFolder).sort()) {
  const expected = name.startsWith("whole-") ? "whole" : "refused";
  test(`corpus: ${name} is ${expected}`, async () => {
    const { outcome, problem } = await host.offer(readCorpus(name));
    assert.equal(outcome, expected, problem);
  });
}

test(`${ROUNDS} spoilt archives, seed ${SEED}`, async () => {
  const below = random(SEED);
  const corpus = [
    await honestTarball(),
    await honestDelta(),
    ...readdirSync(corpusFolder).sort().map(readCorpus),
  ];
  const tally = { refused: 0, whole: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const offer = await spoiltOffer(corpus, below);
    const { outcome } = await host.offer(offer).catch((error: Error) => {
      throw new Error(`round ${round}, seed ${SEED}: ${error.message}`, { cause: error });
    });
    tally[outcome] += 1;
  }
  assert.ok(tally.refused > ROUNDS / 2, JSON.stringify(tally));
});
