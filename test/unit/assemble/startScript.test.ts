import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readStartScript, splitWords } from "../../../src/assemble/startScript.ts";

const read = (start: string, more: Record<string, string> = {}) =>
  readStartScript("start", { start, ...more });

describe("a start script", () => {
  const cases: [string, ReturnType<typeof read>][] = [
    ["node dist/main.js", { tool: "node", entry: "dist/main.js", nodeArgs: [] }],
    ["node .", { tool: "node", entry: ".", nodeArgs: [] }],
    [
      "NODE_ENV=production node --import ./otel.mjs -r ./early.cjs --max-old-space-size=300 app.js --port 3",
      {
        tool: "node",
        entry: "app.js",
        nodeArgs: ["--import=./otel.mjs", "--require=./early.cjs", "--max-old-space-size=300"],
      },
    ],
    [
      "node --watch --env-file=.env --inspect src/a.js",
      { tool: "node", entry: "src/a.js", nodeArgs: [] },
    ],
    [
      "cross-env NODE_OPTIONS='--import ./a.mjs' node dist/main",
      { tool: "node", entry: "dist/main", nodeArgs: ["--import", "./a.mjs"] },
    ],
    ["tsx watch src/server.ts", { tool: "tsx", entry: "src/server.ts", nodeArgs: [] }],
    ["npx ts-node -T src/main.ts", { tool: "ts-node", entry: "src/main.ts", nodeArgs: [] }],
    [
      "nodemon --watch src --exec tsx src/a.ts",
      { tool: "nodemon", entry: "src/a.ts", nodeArgs: [] },
    ],
    ["nest start", { tool: "nest", nodeArgs: [] }],
    ["npm run build && node dist/main.js", { tool: "node", entry: "dist/main.js", nodeArgs: [] }],
  ];
  for (const [script, expected] of cases) {
    test(script, () => assert.deepEqual(read(script), expected));
  }

  test("that runs another script is followed, not for ever", () => {
    assert.equal(read("npm run serve", { serve: "node a.js" })?.entry, "a.js");
    assert.equal(read("yarn start"), undefined);
    assert.equal(read("npm run nowhere"), undefined);
  });

  test("is split as a shell would", () => {
    assert.deepEqual(splitWords(`a "b c" d='e f' g"h"`), ["a", "b c", "d=e f", "gh"]);
  });
});
