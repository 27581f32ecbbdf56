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
/** It lacks all of a release, so that all of it is read. */
const bare = await FuzzedHost.create("bare");
after(() => host[Symbol.dispose]());
after(() => bare[Symbol.dispose]());

test("honest archives are unpacked whole", async () => {
  for (const offer of [await honestTarball(), await honestDelta()]) {
    assert.deepEqual(await host.offer(offer), { outcome: "whole", problem: "" });
  }
});

for (const name of readdirSync(corpusFolder).sort()) {
  const isRefused = !name.startsWith("whole-");
  const expected = isRefused ? "refused" : "whole";
  test(`corpus: ${name} is ${expected}`, async () => {
    const offer = readCorpus(name);
    const { outcome, problem } = await (isRefused && !offer.delta ? bare : host).offer(offer);
    assert.equal(outcome, expected, problem);
    // Where the end of it need not be read: refused, or exactly what its manifest says.
    await host.offer(offer);
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
