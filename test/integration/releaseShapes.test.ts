/**
 * Projects of other people's shapes, small: what a start script says is kept or told, and the second
 * and third release have the new code. The starters themselves: npm run long -- world.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { standInNode, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release of any project", () => {
  const builds = new Releasing("release-shapes");

  function project(packageJson: Record<string, unknown>, files: Record<string, unknown> = {}) {
    const { folder } = builds;
    writeFiles(folder, {
      "package.json": { name: "small", version: "1.0.0", type: "module", ...packageJson },
      "tsugi.config.json": { runtime: { from: standInNode(folder) } },
      ...files,
    });
  }
  const main = () => builds.manifest().processes[0]!;
  const app = (path: string) => builds.inTree(`lib/small-1.0.0/${path}`);
  const server = {
    "dist/server.js": "",
    "src/index.ts": "const a: number = 1;\nconsole.log(a);\n",
  };

  const scripts: [string, RegExp, Record<string, unknown>][] = [
    ["node --env-file .env dist/server.js", /\.env is not packed: .*etc\/env/, {}],
    ["node --env-file=.env.prod dist/server.js", /\.env\.prod is not packed/, {}],
    [
      "cross-env PORT=21155 TZ=UTC node dist/server.js --mode prod",
      /args\s+--mode prod[\s\S]*env\s+PORT=21155 TZ=UTC.*etc\/env on a host overrides/,
      { args: ["--mode", "prod"], env: { PORT: "21155", TZ: "UTC" } },
    ],
    [
      "prisma migrate deploy && node dist/server.js",
      /runs "prisma migrate deploy" first.*appup: \{ before: \[\["prisma", "migrate", "deploy"\]\] \}/,
      {},
    ],
    ["node dist/server.js; echo done", /also runs "echo done"/, {}],
    ["node dist/server.js | pino-pretty", /also runs "pino-pretty"/, {}],
  ];
  for (const [start, said, more] of scripts) {
    test(start, async () => {
      project({ scripts: { start } }, server);
      const { output } = await builds.must();
      assert.match(output, said);
      const { name: _, workers: __, overlap: ___, entry, ...rest } = main();
      assert.equal(entry, "dist/server.js");
      assert.deepEqual(rest, more);
    });
  }

  test("links to what is packed are links in the release; others, odd names and empty folders are said", async () => {
    project(
      { main: "dist/server.js" },
      { ...server, "views/a\\b.html": "", "views/c\nd.html": "" },
    );
    symlinkSync("dist", join(builds.folder, "current"));
    symlinkSync("/etc/hosts", join(builds.folder, "hosts"));
    mkdirSync(join(builds.folder, "uploads"));
    const { output } = await builds.must();
    assert.match(output, /Links are not packed: hosts\. files in tsugi\.config\.ts/);
    assert.match(output, /Not packed, for their names: "views\/a\\\\b\.html"/);
    assert.match(output, /Empty folders are not packed: uploads\..*shared: \["uploads"\]/);
    const linkOf = (path: string) =>
      builds.manifest().files.find((file) => file.path === `lib/small-1.0.0/${path}`)?.link;
    assert.equal(linkOf("current"), "dist");
    assert.equal(app("views/c\nd.html"), "");
  });

  test("a build that only the start script has is run each time; what it starts besides is proposed", async () => {
    for (const [at, word] of ["first", "second"].entries()) {
      project(
        {
          version: `1.0.${at}`,
          scripts: {
            start: `concurrently "node dist/cron.js" "node dist/server.js"`,
            prestart: "tsc",
          },
        },
        {
          "word.txt": word,
          "node_modules/.bin/tsc":
            "#!/bin/sh\nmkdir -p dist && cp word.txt dist/server.js && cp word.txt dist/cron.js\n",
        },
      );
      chmodSync(join(builds.folder, "node_modules/.bin/tsc"), 0o755);
      const { output } = await builds.must();
      assert.match(output, /• npm run prestart/);
      assert.match(output, /\(node dist\/server\.js\) would be a further process/);
      assert.equal(builds.inTree(`lib/small-1.0.${at}/dist/cron.js`), word);
    }
  });

  test("node --import tsx src/index.ts: compiled, and tsx is not needed", async () => {
    project({ scripts: { start: "node --import tsx src/index.ts" } }, server);
    await builds.must();
    assert.equal(main().entry, "src/index.mjs");
    assert.equal(builds.inTree("releases/1.0.0/node.args"), "--enable-source-maps\n");
  });

  const packageOf = (name: string, file = "index.js") => ({
    [`node_modules/${name}/package.json`]: { name, version: "1.0.0" },
    [`node_modules/${name}/${file}`]: "",
  });
  const preloaded = {
    ".output/server/index.mjs": "",
    "otel.mjs":
      'import { register } from "node:module";\nimport "./lib/setup.mjs";\nregister("hooks/hook.mjs", import.meta.url);\n',
    "lib/setup.mjs": 'import "sdk";\n',
    ...packageOf("sdk"),
    ...packageOf("hooks", "hook.mjs"),
    ...packageOf("other"),
    ...packageOf("dotenv", "config.js"),
  };
  const nuxt = { nuxt: "4.5.2", hooks: "1.0.0", other: "1.0.0" };
  const output = "node .output/server/index.mjs";
  const preloads: [string, string][] = [
    [`node --import ./otel.mjs -r dotenv/config ${output.slice(5)}`, "the options of node"],
    [`NODE_OPTIONS="--import ./otel.mjs -r dotenv/config" ${output}`, "NODE_OPTIONS"],
    [`export NODE_OPTIONS="--import ./otel.mjs -r dotenv/config"; ${output}`, "an export"],
  ];
  for (const [start, how] of preloads) {
    test(`what node loads first goes along with an output that carries its packages: ${how}`, async () => {
      project({ scripts: { start }, dependencies: nuxt }, preloaded);
      await builds.must();
      const lines = builds.inTree("releases/1.0.0/node.args");
      assert.match(lines, /--import=\.\/tsugi-preload-0\.mjs\n--require=\.\/tsugi-preload-1\.cjs/);
      assert.equal(app("tsugi-preload-0.mjs"), 'import "./otel.mjs";\n');
      assert.equal(app("lib/setup.mjs"), 'import "sdk";\n');
      const packed = ["sdk/index.js", "hooks/hook.mjs", "dotenv/config.js"];
      for (const file of packed) assert.equal(app(`node_modules/${file}`), "", file);
      assert.throws(() => app("node_modules/other/index.js"), /ENOENT/);
      assert.deepEqual(main().env, undefined);
    });
  }

  test("what node is to load first and is not there is refused by name, in each mode", async () => {
    for (const start of [
      `node --import ./otel.mjs ${output.slice(5)}`,
      "node -r ./a src/index.ts",
    ]) {
      project({ scripts: { start } }, { ...server, ".output/server/index.mjs": "" });
      await builds.refused("TSUGI_PRELOAD_MISSING", /(otel\.mjs|a), which node .* is not there/);
    }
    project({ scripts: { start: "node --import ../otel.mjs dist/server.js" } }, server);
    writeFiles(join(builds.folder, ".."), { "otel.mjs": "" });
    await builds.refused("TSUGI_PRELOAD_MISSING", /\.\.\/otel\.mjs.* lies outside of the project/);
    project({ scripts: { start: "node -r gone/register dist/server.js" } }, server);
    await builds.refused("TSUGI_PACKAGES_MISSING", /not installed: gone/);
  });

  test("a tsconfig above the package that its build is told to take counts for what tsugi compiles", async () => {
    const root = builds.folder;
    builds.folder = join(root, "packages/api");
    project(
      { scripts: { build: "tsc -p ../../tsconfig.base.json", start: "tsx src/main.ts" } },
      {
        "src/lib/hi.ts": 'export const hi = "hi from lib";\n',
        "src/main.ts": `import { hi } from "@lib/hi";
const seen: unknown[] = [hi];
const mark = (_target: unknown, key: string) => seen.push(key);
class A { @mark run() {} }
console.log(seen, A);
`,
        "node_modules/.bin/tsc": "#!/bin/sh\nmkdir -p ../../out && echo 1 > ../../out/main.js\n",
      },
    );
    chmodSync(join(builds.folder, "node_modules/.bin/tsc"), 0o755);
    writeFiles(root, {
      "tsconfig.base.json": {
        include: ["elsewhere"],
        compilerOptions: {
          ...{ outDir: "out", experimentalDecorators: true },
          paths: { "@lib/*": ["./packages/api/src/lib/*"] },
        },
      },
    });
    const { output } = await builds.must();
    assert.doesNotMatch(output, /which no package here/);
    assert.match(app("src/main.mjs"), /__decorate\([\s\S]*A\.prototype, "run"/);
    assert.match(app("src/main.mjs"), /hi from lib/);
  });

  test("a preload without its ending is compiled like the rest", async () => {
    project({ scripts: { start: "node -r ./first src/index.ts" } }, { ...server, "first.ts": "" });
    await builds.must();
    assert.equal(app("tsugi-preload-0.cjs"), 'require("./first.mjs");\n');
    assert.doesNotThrow(() => app("first.mjs"));
  });

  test("a glob for sources alone, in what a build has made of them, is said with what to write", async () => {
    const { "dist/server.js": _, ...sources } = server;
    project(
      { scripts: { start: "node dist/server.js" } },
      {
        ...sources,
        "src/user.entity.ts": "",
        "dist/server.js":
          'const a = { entities: ["src/**/*.entity.ts", "dist/*.js"] };\nconst b = { entitiesTs: ["src/**/*.entity.ts"], both: ["src/*{.ts,.js}"] };\n',
      },
    );
    const { output } = await builds.must();
    assert.match(
      output,
      /dist\/server\.js:1 looks for "src\/\*\*\/\*\.entity\.ts".*\*\{\.ts,\.js\}/s,
    );
    assert.doesNotMatch(output, /dist\/server\.js:2/);
  });

  test("a worker that is started with a loader of development is said with what to write", async () => {
    project(
      {
        scripts: { start: "node dist/server.js" },
        dependencies: {},
        devDependencies: { tsx: "4" },
      },
      {
        ...server,
        "dist/server.js":
          'const { Worker } = require("worker_threads");\nif (process.env.NO)\n  new Worker("./job.js", { execArgv: ["--import", "tsx"] });\n',
      },
    );
    const { output } = await builds.must();
    assert.match(
      output.replaceAll(/\s+/g, " "),
      /dist\/server\.js:3 starts code with tsx, .*leave it out of execArgv/,
    );
  });

  test("a front end's build, and a server that is started from its source", async () => {
    const build = "node build.mjs";
    project(
      { scripts: { build, start: "tsx src/index.ts" }, devDependencies: { vite: "1" } },
      {
        "src/index.ts": "enum Word { first = 'first' }\nconsole.log(Word.first);\n",
        "build.mjs":
          'import { mkdirSync, writeFileSync } from "node:fs";\nmkdirSync("dist", { recursive: true });\nwriteFileSync("dist/page.html", "first");\n',
        ".gitignore": "dist\n",
      },
    );
    const { output } = await builds.must();
    assert.match(output, /build\s+compile\s+\(src\/index\.ts is what is started\)/);
    assert.equal(main().entry, "src/index.mjs");
    assert.equal(app("dist/page.html"), "first");
  });

  test("the command of a dependency, with its arguments", async () => {
    project(
      { scripts: { start: "y-server --port 1234" }, dependencies: { "@y/server": "1.0.0" } },
      {
        "node_modules/@y/server/package.json": {
          name: "@y/server",
          version: "1.0.0",
          bin: { "y-server": "./bin/y.cjs" },
        },
        "node_modules/@y/server/bin/y.cjs": "#!/usr/bin/env node\n",
      },
    );
    await builds.must();
    assert.equal(main().entry, "node_modules/@y/server/bin/y.cjs");
    assert.deepEqual(main().args, ["--port", "1234"]);
  });

  test("the command of a dependency that starts what the build has written, each time the new code", async () => {
    for (const [at, word] of ["first", "second"].entries()) {
      project(
        {
          version: `1.0.${at}`,
          scripts: {
            "build:ts":
              "mkdir -p dist/plugins && cp src/app.ts dist/app.js && cp src/app.ts dist/plugins/a.js",
            start: "npm run build:ts && fastify start -l info dist/app.js",
          },
          dependencies: { "fastify-cli": "8.0.0" },
        },
        {
          "src/app.ts": `// ${word}`,
          ".gitignore": "node_modules\ndist\n",
          "node_modules/fastify-cli/package.json": {
            ...{ name: "fastify-cli", version: "8.0.0", bin: { fastify: "cli.js" } },
          },
          "node_modules/fastify-cli/cli.js": "#!/usr/bin/env node\n",
        },
      );
      await builds.must();
      for (const path of ["dist/app.js", "dist/plugins/a.js"])
        assert.equal(builds.inTree(`lib/small-1.0.${at}/${path}`), `// ${word}`);
    }
  });

  test("a migration that a file of the project makes is not what is started", async () => {
    project(
      { scripts: { start: "node migrate.js && node dist/server.js" } },
      { ...server, "migrate.js": "" },
    );
    const { output } = await builds.must();
    assert.equal(main().entry, "dist/server.js");
    assert.match(output, /appup: \{ before: \[\["node", "migrate\.js"\]\] \}/);
  });

  test("types are checked before it is built: it is built all the same", async () => {
    for (const word of ["first", "second"]) {
      project(
        {
          version: `1.0.${word.length}`,
          scripts: { build: "tsc --noEmit && node build.mjs", start: "node dist/server.js" },
        },
        {
          "word.txt": word,
          "build.mjs":
            'import { cpSync, mkdirSync } from "node:fs";\nmkdirSync("dist", { recursive: true });\ncpSync("word.txt", "dist/server.js");\n',
          "node_modules/.bin/tsc": "#!/bin/sh\n",
        },
      );
      chmodSync(join(builds.folder, "node_modules/.bin/tsc"), 0o755);
      await builds.must();
      assert.equal(builds.inTree(`lib/small-1.0.${word.length}/dist/server.js`), word);
    }
  });

  test("a command that is no program for Node is refused by its name", async () => {
    project(
      { scripts: { start: "shelly" }, dependencies: { shelly: "1.0.0" } },
      {
        "node_modules/shelly/package.json": { name: "shelly", version: "1.0.0", bin: "run.sh" },
        "node_modules/shelly/run.sh": "#!/bin/sh\n",
      },
    );
    await builds.refused("TSUGI_SHAPE_UNFIT", /shelly: it is a command/);
  });

  test("further processes of a Procfile and of start:worker are proposed", async () => {
    project(
      { scripts: { start: "node dist/server.js", "start:worker": "node dist/worker.js" } },
      { ...server, Procfile: "web: npm start\ncron: node dist/cron.js\n" },
    );
    const { output } = await builds.must();
    assert.match(
      output,
      /"cron".*processes: \{ main: \{ … \}, cron: \{ entry: "dist\/cron\.js" \} \}/,
    );
    assert.match(output, /"worker".*entry: "dist\/worker\.js"/);
  });

  test("a build that carries its packages: nothing else, each time the new code", async () => {
    const build = "node build.mjs";
    for (const [at, word] of ["first", "second", "third"].entries()) {
      project(
        { version: `1.0.${at}`, scripts: { build }, dependencies: { nuxt: "4", heavy: "1.0.0" } },
        {
          "app.vue": word,
          "build.mjs": `import { cpSync, mkdirSync, writeFileSync } from "node:fs";
mkdirSync(".output/server/node_modules/traced", { recursive: true });
writeFileSync(".output/server/node_modules/traced/index.js", "");
writeFileSync(".output/server/index.mjs", "// ${word}");`,
          ".gitignore": ".output\n",
          "node_modules/nuxt/package.json": { name: "nuxt", version: "4.0.0" },
          "node_modules/heavy/package.json": { name: "heavy", version: "1.0.0" },
        },
      );
      await builds.must();
      const inApp = (path: string) => builds.inTree(`lib/small-1.0.${at}/${path}`);
      assert.equal(inApp(".output/server/index.mjs"), `// ${word}`);
    }
    const own = builds
      .manifest()
      .files.map(({ path }) => path)
      .filter((path) => /^lib\/(small|packages)/.test(path));
    assert.deepEqual(own, [
      "lib/small-1.0.0/.output/server/index.mjs",
      "lib/small-1.0.0/.output/server/node_modules/traced/index.js",
      "lib/small-1.0.0/package.json",
    ]);
  });

  test("Next's standalone server finds static files and public/ beside itself", async () => {
    project(
      { scripts: { build: "node build.mjs", start: "next start" }, dependencies: { next: "16" } },
      {
        "next.config.ts": 'export default { output: "standalone" };',
        "public/a.svg": "picture",
        "build.mjs": `import { mkdirSync, writeFileSync } from "node:fs";
for (const folder of [".next/standalone/.next", ".next/static/chunks"]) mkdirSync(folder, { recursive: true });
writeFileSync(".next/standalone/server.js", "");
writeFileSync(".next/standalone/.next/BUILD_ID", "1");
writeFileSync(".next/static/chunks/a.js", "chunk");`,
      },
    );
    await builds.must();
    assert.equal(main().entry, ".next/standalone/server.js");
    assert.equal(app(".next/standalone/.next/BUILD_ID"), "1");
    assert.equal(app(".next/standalone/.next/static/chunks/a.js"), "chunk");
    assert.equal(app(".next/standalone/public/a.svg"), "picture");
  });

  const unfit: [string, Record<string, unknown>, RegExp][] = [
    [
      "SvelteKit without a server",
      { "@sveltejs/kit": "2", "@sveltejs/adapter-auto": "7" },
      /adapter-node/,
    ],
    ["Astro that makes static files", { astro: "7" }, /@astrojs\/node/],
    ["TanStack Start without Nitro", { "@tanstack/react-start": "1" }, /handler of requests/],
    ["a front end alone", { vite: "8" }, /static files, and no server/],
  ];
  for (const [what, devDependencies, words] of unfit) {
    test(`${what} is told what it lacks`, async () => {
      project({ scripts: { build: "true" }, devDependencies }, { "src/main.ts": "document.title" });
      await builds.refused("TSUGI_SHAPE_UNFIT", words);
    });
  }

  test("the root of a workspace names its apps", async () => {
    project(
      { workspaces: ["apps/*", "packages/*"], scripts: { build: "turbo run build" } },
      {
        "apps/web/package.json": { name: "web", scripts: { start: "next start" } },
        "apps/api/package.json": { name: "api", scripts: { start: "node a.js" } },
        "packages/ui/package.json": { name: "ui" },
      },
    );
    await builds.refused("TSUGI_WORKSPACE", /apps\/api, apps\/web[\s\S]*tsugi release apps\/api/);
  });

  test("a project that is installed with bun: its build script is run, by npm where there is no bun", async () => {
    project(
      { packageManager: "bun@1.3.0", scripts: { build: "node build.mjs", start: "bun dist/a.js" } },
      {
        "bun.lock": "{}",
        "build.mjs":
          'import { mkdirSync, writeFileSync } from "node:fs";\nmkdirSync("dist", { recursive: true });\nwriteFileSync("dist/a.js", "");\n',
      },
    );
    const { output } = await builds.must();
    assert.match(output, /• (bun|npm) run build/);
    assert.equal(main().entry, "dist/a.js");
  });

  test("a build that fails leaves no .node-version", async () => {
    const { existsSync } = await import("node:fs");
    project({ scripts: { build: "false", start: "node dist/server.js" } }, server);
    writeFiles(builds.folder, { "tsugi.config.json": {} });
    await builds.refused("TSUGI_BUILD_FAILED", /npm run build/);
    assert.ok(!existsSync(join(builds.folder, ".node-version")));
  });
});
