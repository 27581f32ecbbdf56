import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HotScan } from "../../../src/assemble/hotScan.ts";

function scan(code: string, file = "a.ts") {
  const hot = new HotScan();
  hot.add(code, file);
  return hot.facts();
}

describe("what the sources say about tsugi/hot", () => {
  test("nothing, where it is not imported", () => {
    assert.deepEqual(scan('const hot = {}; hot.state("a"); hot.accept();'), {
      usesHot: false,
      accepts: false,
      states: [],
    });
  });

  test("CommonJS as compilers write it", () => {
    const facts = scan(
      `const hot_1 = require("tsugi/hot");
       const a = hot_1.hot.state("a", { version: 2, upgrade: { "1": f } });
       (0, hot_1.hot).accept();`,
      "a.js",
    );
    assert.deepEqual(facts.states, [
      { name: "a", version: 2, upgradesFrom: [1], downgradesFrom: [] },
    ]);
    assert.equal(facts.accepts, true);
  });

  test("under another name, with types around the options", () => {
    const facts = scan(
      `import { hot as live } from "tsugi/hot";
       live.state<number>("a", { version: 2 as const, upgrade: { 1: f } as Steps } satisfies Options);`,
    );
    assert.deepEqual(facts.states, [
      { name: "a", version: 2, upgradesFrom: [1], downgradesFrom: [] },
    ]);
  });

  test("options that only the running process knows are marked", () => {
    const facts = scan('import { hot } from "tsugi/hot"; hot.state("a", { ...rest, version: V });');
    assert.equal(facts.states[0]?.dynamic, true);
  });
});
