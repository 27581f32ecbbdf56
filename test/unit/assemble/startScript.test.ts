import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { buildOf } from "../../../src/assemble/projectBuild.ts";
import { splitWords } from "../../../src/assemble/start/shellWords.ts";
import {
  readCommandLine,
  type Started,
  type StartScript,
  startedBy,
} from "../../../src/assemble/start/startScript.ts";
import type { Project } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const read = (start: string, more: Record<string, string> = {}) =>
  readCommandLine(start, { start, ...more });

describe("a start script", () => {
  const nothing: Partial<StartScript> = {
    ...{ args: [], env: {}, before: [], builds: [], left: [], envFiles: [], nodeArgs: [] },
  };
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
      { tool: "node", entry: "dist/main", nodeArgs: ["--import=./a.mjs"] },
    ],
    [
      "export NODE_OPTIONS='-r ./a.cjs' TZ=UTC && cd server && node --import ./b.mjs main.js",
      {
        tool: "node",
        ...{ entry: "server/main.js", folder: "server" },
        nodeArgs: ["--require=./a.cjs", "--import=./server/b.mjs"],
        env: { TZ: "UTC" },
      },
    ],
    ["tsx watch src/server.ts", { tool: "tsx", entry: "src/server.ts", nodeArgs: [] }],
    ["npx ts-node -T src/main.ts", { tool: "ts-node", entry: "src/main.ts", nodeArgs: [] }],
    ["nodemon --watch src --exec tsx src/a.ts", { tool: "tsx", entry: "src/a.ts", nodeArgs: [] }],
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
    [
      "node scripts/migrate.js && node dist/a.js",
      { tool: "node", entry: "dist/a.js", before: ["node scripts/migrate.js"] },
    ],
    [
      "tsx migrate.ts && next start -p 80",
      { tool: "next", args: ["start", "-p", "80"], before: ["tsx migrate.ts"] },
    ],
    [
      "node seed.js; node a.js | pino-pretty",
      { tool: "node", entry: "a.js", before: ["node seed.js"], left: ["pino-pretty"] },
    ],
    ["node a.js || exit 1", { tool: "node", entry: "a.js", left: ["exit 1"] }],
    ["node a.js & node b.js", { tool: "node", entry: "a.js", left: ["node b.js"] }],
    [
      "pm2 delete a; pm2 start a.js && pm2 logs",
      { tool: "pm2", entry: "a.js", before: ["pm2 delete a"], left: ["pm2 logs"] },
    ],
    ["node dist/a.js; echo done", { tool: "node", entry: "dist/a.js", left: ["echo done"] }],
    ["node a.js | pino-pretty", { tool: "node", entry: "a.js", left: ["pino-pretty"] }],
    ["cd server && node index.js", { tool: "node", entry: "server/index.js", folder: "server" }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
    ["next start -p ${PORT:-3000}", { tool: "next", args: ["start", "-p", "${PORT:-3000}"] }],
    ["pnpm exec next start -H 0.0.0.0", { tool: "next", args: ["start", "-H", "0.0.0.0"] }],
    ["./node_modules/.bin/next start", { tool: "next", args: ["start"] }],
    ["dotenvx run -- node a.js", { tool: "node", entry: "a.js" }],
    ["bun run src/a.ts", { tool: "bun", entry: "src/a.ts" }],
    [
      "npm run build && node dist/main.js",
      { tool: "node", entry: "dist/main.js", builds: ["npm run build"] },
    ],
    ["tsc -p . && node dist/a.js", { tool: "node", entry: "dist/a.js", builds: ["tsc -p ."] }],
    ["dotenv -e .env.a node a.js", { tool: "node", entry: "a.js", envFiles: [".env.a"] }],
    ["dotenv -v A=1 -- tsx a.ts", { tool: "tsx", entry: "a.ts", env: { A: "1" } }],
    ["env-cmd -f .env.a node a.js", { tool: "node", entry: "a.js", envFiles: [".env.a"] }],
    ["NODE_OPTIONS='--import tsx' node a.ts", { tool: "node", entry: "a.ts" }],
    [
      "tsx --env-file .env --tsconfig a.json -r dotenv/config src/a",
      {
        ...{ tool: "tsx", entry: "src/a", tsconfig: "a.json" },
        ...{ envFiles: [".env"], nodeArgs: ["--require=dotenv/config"] },
      },
    ],
    ["nodemon", { tool: "nodemon" }],
    ["nodemon ./bin/www", { tool: "nodemon", entry: "bin/www" }],
    [
      'nodemon -w src -x "tsc && node dist/a.js"',
      { tool: "nodemon", entry: "dist/a.js", builds: ["tsc"] },
    ],
    [
      "ts-node -P a.json -r tsconfig-paths/register a.ts",
      { tool: "ts-node", entry: "a.ts", tsconfig: "a.json" },
    ],
    [
      "TS_NODE_BASEURL=./dist node -r tsconfig-paths/register dist/a.js",
      {
        ...{ tool: "node", entry: "dist/a.js", env: { TS_NODE_BASEURL: "./dist" } },
        nodeArgs: ["--require=tsconfig-paths/register"],
      },
    ],
    ["node -r tsx/cjs -r tsconfig-paths/register a", { tool: "tsx", entry: "a" }],
    [
      "node --disable-warning DEP0040 a.js",
      { tool: "node", entry: "a.js", nodeArgs: ["--disable-warning=DEP0040"] },
    ],
    ["node -e \"require('./dist')\"", { tool: "node" }],
    ["node node_modules/.bin/next start", { tool: "next", args: ["start"] }],
    ["node a.js --id $(hostname) > a.log 2>&1", { tool: "node", entry: "a.js" }],
    ["node my\\ server.js", { tool: "node", entry: "my server.js" }],
    ["sh -c 'node a.js'", { tool: "node", entry: "a.js" }],
    ["tini -- node a.js", { tool: "node", entry: "a.js" }],
    ["wait-for-it db:5432 -- node a.js", { tool: "node", entry: "a.js" }],
    ["export PORT=80 && node a.js", { tool: "node", entry: "a.js", env: { PORT: "80" } }],
    ["(cd server && node a.js)", { tool: "node", entry: "server/a.js", folder: "server" }],
    ["npx -y cross-env A=1 tsx a.ts", { tool: "tsx", entry: "a.ts", env: { A: "1" } }],
    ["bun --bun run next start", { tool: "next", args: ["start"] }],
    [
      "pm2-runtime dist/a.js -i max -- --fast",
      { tool: "pm2-runtime", entry: "dist/a.js", args: ["--fast"] },
    ],
    ["pm2 start ecosystem.config.js", { tool: "pm2", args: ["ecosystem.config.js"] }],
    ["concurrently -n a,b 'node a.js' vite", { tool: "node", entry: "a.js", left: ["vite"] }],
    [
      "turbo run start --filter=web",
      { tool: "turbo", args: ["run", "start", "--filter=web"], elsewhere: "web" },
    ],
    ["pnpm --filter web start", { tool: "pnpm", elsewhere: "web" }],
    ["npm start -w apps/api", { tool: "npm", elsewhere: "apps/api" }],
    ["yarn workspace api start", { tool: "yarn", elsewhere: "api" }],
    ["cd server && npm start", { tool: "npm", elsewhere: "server" }],
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
    assert.deepEqual(read("pnpm serve -b $X", serve)?.args, ["-a", "-b", "$X"]);
    assert.deepEqual(read("yarn serve -b 1", serve)?.args, ["-a", "-b", "1"]);
  });

  test("that runs several: the service, and what is built before it or left beside it", () => {
    const scripts = { build: "tsc", "serve:api": "node a.js", "serve:web": "vite preview" };
    const found = (line: string) => {
      const { entry, builds, left } = read(line, scripts)!;
      return { entry, builds, left };
    };
    const beside = { entry: "a.js", builds: [], left: ["npm run serve:web"] };
    for (const line of ["run-p serve:*", "npm-run-all -p serve:api serve:web"])
      assert.deepEqual(found(line), beside);
    assert.deepEqual(found("concurrently npm:serve:*"), beside);
    const after = { entry: "a.js", builds: ["npm run build"], left: [] };
    for (const build of ["tsc", "node build.mjs"]) {
      scripts.build = build;
      for (const line of ["run-s build serve:api", "npm-run-all build serve:api"])
        assert.deepEqual(found(line), after);
    }
  });

  test("that compiles and runs a line whenever it is done: built once, and then the line", () => {
    const found = (line: string, more: Record<string, string> = {}) => {
      const { entry, args, builds } = read(line, more) ?? {};
      return { entry, args, builds };
    };
    assert.deepEqual(found('tsc-watch --onSuccess "node dist/index.js -a"'), {
      ...{ entry: "dist/index.js", args: ["-a"], builds: ["tsc"] },
    });
    assert.deepEqual(
      found(
        'tsc-watch --noClear -p server.json --onFailure "echo no" --onSuccess="npm run serve"',
        {
          serve: "node dist/a.js",
        },
      ),
      { entry: "dist/a.js", args: [], builds: ["tsc -p server.json"] },
    );
    assert.deepEqual(found("tsup src/index.ts --watch --onSuccess 'node dist/index.js'"), {
      ...{ entry: "dist/index.js", args: [], builds: ["tsup src/index.ts"] },
    });
    assert.equal(found("tsup src/index.ts").entry, undefined);
  });

  test("of wireit: the line, the variables and what comes first stand in a section of its own", () => {
    const packageJson = {
      scripts: { start: "wireit", compile: "wireit", serve: "wireit" },
      wireit: {
        start: {
          command: "node dist/main.js --fast",
          dependencies: ["../other:build", { script: "compile" }],
          env: { LEVEL: "a b", REGION: { external: true } },
        },
        compile: { command: "tsc -b" },
        serve: { command: "node dist/main.js" },
      },
    };
    const project = { folder: "/nowhere", packageJson } as Project;
    const [{ script }] = startedBy(project) as [Started];
    assert.deepEqual([script.entry, script.args], ["dist/main.js", ["--fast"]]);
    assert.deepEqual(script.env, { LEVEL: "a b" });
    assert.deepEqual(buildOf(project), { script: "compile" });
    Object.assign(packageJson.wireit, { start: { dependencies: ["serve"] } });
    assert.equal(startedBy(project)[0]?.script.entry, "dist/main.js");
  });

  test("that compiles by another tsconfig says which", () => {
    const named = (line: string) => read(line)?.tsconfig;
    assert.equal(named("ts-node -P tsconfig.server.json src/a.ts"), "tsconfig.server.json");
    assert.equal(named("cd api && tsx --tsconfig=./b.json a.ts -P 80"), "api/b.json");
    assert.equal(named('nodemon -x "ts-node --project c.json" a.ts'), "c.json");
    assert.equal(named("tsx a.ts --tsconfig b.json"), undefined);
    assert.equal(named("vite-node -c vite.config.ts a.ts"), undefined);
  });

  test("that is a file of shell: what stands in it", () => {
    const { folder, remove } = temporaryFolder("shell");
    after(remove);
    writeFiles(folder, {
      "bin/run.sh": `#!/bin/bash
# Starts it.
set -euo pipefail
cd "$(dirname "$0")/.."
export TZ=UTC
node migrate.js
exec node --import ./first.mjs \\
  dist/app.js --fast "$@"
`,
      "asks.sh": 'if [ -n "$A" ]; then node a.js; fi\n',
    });
    const started = (start: string) =>
      startedBy({ folder, packageJson: { name: "x", scripts: { start } } } as Project)[0]!.script;
    for (const start of ["LEVEL=a ./bin/run.sh", "LEVEL=a bash -e bin/run.sh"]) {
      const { entry, env, args, before, nodeArgs } = started(start);
      assert.deepEqual([entry, args, before], ["dist/app.js", ["--fast"], ["node migrate.js"]]);
      assert.deepEqual(env, { LEVEL: "a", TZ: "UTC" });
      assert.deepEqual(nodeArgs, ["--import=./first.mjs"]);
    }
    for (const start of ["./asks.sh", "./gone.sh"]) assert.equal(started(start).entry, undefined);
  });

  test("is split as a shell would", () => {
    assert.deepEqual(splitWords(`a "b c" d='e f' g"h"`), ["a", "b c", "d=e f", "gh"]);
  });
});
