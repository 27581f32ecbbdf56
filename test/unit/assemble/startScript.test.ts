import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  readStartScript,
  type StartScript,
  splitWords,
} from "../../../src/assemble/startScript.ts";

const read = (start: string, more: Record<string, string> = {}) =>
  readStartScript("start", { start, ...more });

describe("a start script", () => {
  const nothing = { args: [], env: {}, before: [], left: [], envFiles: [], nodeArgs: [] };
  const cases: [string, Partial<StartScript>][] = [
    ["node dist/main.js", { tool: "node", entry: "dist/main.js", nodeArgs: [] }],
    ["node .", { tool: "node", entry: ".", nodeArgs: [] }],
    [
      "NODE_ENV=production node --import ./otel.mjs -r ./early.cjs --max-old-space-size=300 app.js --port 3",
      {
        tool: "node",
        entry: "app.js",
        nodeArgs: ["--import=./otel.mjs", "--require=./early.cjs", "--max-old-space-size=300"],
        args: ["--port", "3"],
      },
    ],
    [
      "node --watch --env-file=.env --inspect src/a.js",
      { tool: "node", entry: "src/a.js", envFiles: [".env"] },
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
    ["nest start", { tool: "nest", args: ["start"] }],
    [
      "node --env-file .env dist/server.js",
      { tool: "node", entry: "dist/server.js", envFiles: [".env"] },
    ],
    ["node --import tsx src/index.ts", { tool: "tsx", entry: "src/index.ts" }],
    [
      "cross-env PORT=21155 TZ=UTC node dist/server.js --mode prod",
      {
        tool: "node",
        entry: "dist/server.js",
        args: ["--mode", "prod"],
        env: { PORT: "21155", TZ: "UTC" },
      },
    ],
    [
      "prisma migrate deploy && node dist/a.js",
      { tool: "node", entry: "dist/a.js", before: ["prisma migrate deploy"] },
    ],
    ["node dist/a.js; echo done", { tool: "node", entry: "dist/a.js", left: ["echo done"] }],
    ["node a.js | pino-pretty", { tool: "node", entry: "a.js", left: ["pino-pretty"] }],
    ["cd server && node index.js", { tool: "node", entry: "server/index.js" }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
    ["next start -p ${PORT:-3000}", { tool: "next", args: ["start"] }],
    ["pnpm exec next start -H 0.0.0.0", { tool: "next", args: ["start", "-H", "0.0.0.0"] }],
    ["./node_modules/.bin/next start", { tool: "next", args: ["start"] }],
    ["dotenvx run -- node a.js", { tool: "node", entry: "a.js" }],
    ["bun run src/a.ts", { tool: "bun", entry: "src/a.ts" }],
    ["npm run build && node dist/main.js", { tool: "node", entry: "dist/main.js", nodeArgs: [] }],
  ];
  for (const [script, expected] of cases) {
    test(script, () => assert.deepEqual(read(script), { ...nothing, ...expected }));
  }

  test("that runs another script is followed, not for ever", () => {
    assert.equal(read("npm run serve", { serve: "node a.js" })?.entry, "a.js");
    assert.equal(read("yarn start"), undefined);
    assert.equal(read("npm run nowhere"), undefined);
    const serve = { serve: "node a.js -a" };
    assert.deepEqual(read("npm run serve -- -b 1", serve)?.args, ["-a", "-b", "1"]);
    assert.deepEqual(read("npm run serve -b", serve)?.args, ["-a"]);
    assert.deepEqual(read("pnpm serve -b $X", serve)?.args, ["-a"]);
    assert.deepEqual(read("yarn serve -b 1", serve)?.args, ["-a", "-b", "1"]);
  });

  test("is split as a shell would", () => {
    assert.deepEqual(splitWords(`a "b c" d='e f' g"h"`), ["a", "b c", "d=e f", "gh"]);
  });
});
