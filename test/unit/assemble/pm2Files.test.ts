/**
 * Ecosystem files as people have them (twelve of public repositories were counted: what starts the
 * apps, where, with what), each over a project like theirs. Each app of each ends in a configuration
 * that a build takes and whose entry is there, or in one line that says why not.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inPackage } from "../../../src/assemble/bins.ts";
import { decideEntry } from "../../../src/assemble/decideEntry.ts";
import { chooseEntry } from "../../../src/assemble/entry.ts";
import { guessConfig, renderConfig } from "../../../src/assemble/init.ts";
import { hasBuildScript } from "../../../src/assemble/projectBuild.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

/** As a build starts it: entry, then arguments and variables. */
type Started = Record<string, [entry: string, args?: string[], env?: Record<string, string>]>;

interface Case {
  what: string;
  file: string;
  text: string;
  project: Record<string, unknown>;
  /** By the folder of each release. */
  releases: Record<string, Started>;
  nodeArgs?: string[];
  /** Of apps that can be none. */
  left?: [name: string, why: RegExp][];
  said?: string[];
}

const NEXT = {
  "node_modules/next/package.json": { name: "next", version: "16.0.0", bin: "./dist/bin/next" },
  "node_modules/next/dist/bin/next": "#!/usr/bin/env node\n",
};
const next = (name: string, scripts = {}) => ({
  name,
  dependencies: { next: "16" },
  scripts: { build: "next build", start: "next start", ...scripts },
});
const NEXT_BIN = "node_modules/next/dist/bin/next";

const CASES: Case[] = [
  {
    what: "npm start with a cwd for each app of a monorepo",
    file: "ecosystem.config.js",
    text: `module.exports = { apps: [
      { name: "shop-web", cwd: "./apps/web", script: "npm", args: "start", env: { PORT: 3000 }, max_memory_restart: "1G" },
      { name: "shop-api", cwd: __dirname + "/apps/api", script: "npm", args: ["run", "start:prod"], env: { PORT: 4000 } },
    ] };`,
    project: {
      "package.json": { private: true, name: "shop", workspaces: ["apps/*"] },
      ...NEXT,
      "apps/web/package.json": next("web"),
      "apps/api/package.json": {
        name: "api",
        scripts: { build: "tsc", "start:prod": "node --enable-source-maps dist/main" },
      },
      "apps/api/dist/main.js": "",
    },
    releases: {
      "apps/web": { "shop-web": [NEXT_BIN, ["start"], { PORT: "3000" }] },
      "apps/api": { "shop-api": ["dist/main.js", [], { PORT: "4000" }] },
    },
  },
  {
    what: "pnpm from the root, and what stands behind the script's name",
    file: "ecosystem.config.cjs",
    text: `module.exports = { apps: [
      { name: "web", script: "pnpm", args: "--filter @acme/web start --port 3001", interpreter: "none" },
      { name: "docs", script: "pnpm run start", cwd: "/var/www/acme/apps/docs" },
    ] };`,
    project: {
      "package.json": { private: true, name: "acme" },
      "pnpm-workspace.yaml": "packages:\n  - apps/*\n",
      ...NEXT,
      "apps/web/package.json": next("@acme/web"),
      "apps/docs/package.json": next("docs", { start: "next start -p 3002" }),
    },
    releases: {
      "apps/web": { web: [NEXT_BIN, ["start", "--port", "3001"]] },
      "apps/docs": { main: [NEXT_BIN, ["start", "-p", "3002"]] },
    },
  },
  {
    what: "from the root of a workspace to its packages, in each way that there is",
    file: "ecosystem.config.js",
    text: `module.exports = { apps: [
      { name: "a", script: "npm", args: "run start:a" },
      { name: "b", script: "turbo", args: "run start --filter=b" },
      { name: "c", script: "cd apps/c && npm start" },
      { name: "d", script: "bash", args: ["-c", "yarn workspace d start"] },
      { name: "e", script: "npm", args: "start -- -p 3005", cwd: "apps/e" },
      { name: "all", script: "npm", args: "start" },
    ] };`,
    project: {
      "package.json": {
        ...{ private: true, name: "root", workspaces: ["apps/*"] },
        scripts: { start: "concurrently npm:start:*", "start:a": "npm start -w @x/a" },
      },
      ...Object.fromEntries(
        ["a", "b", "c", "d"].flatMap((name) => [
          [
            `apps/${name}/package.json`,
            { name: name === "a" ? "@x/a" : name, scripts: { start: "node --no-warnings s.js" } },
          ],
          [`apps/${name}/s.js`, ""],
        ]),
      ),
      ...NEXT,
      "apps/e/package.json": next("e"),
      "apps/e/next.config.js": 'module.exports = { output: "standalone" };',
    },
    releases: {
      ...{ "apps/a": { main: ["s.js"] }, "apps/b": { main: ["s.js"] } },
      ...{ "apps/c": { main: ["s.js"] }, "apps/d": { main: ["s.js"] } },
      "apps/e": { e: [".next/standalone/server.js", [], { PORT: "3005" }] },
    },
    left: [["all", /concurrently/]],
  },
  {
    what: "yarn, and npm with a script's arguments behind two dashes",
    file: "ecosystem.config.js",
    text: `module.exports = { apps: [
      { name: "api", script: "yarn", args: "start", instances: 2, exec_mode: "cluster", autorestart: true },
      { name: "jobs", script: "/usr/bin/npm", args: "run worker -- --queue mail" },
    ] };`,
    project: {
      "package.json": {
        name: "api",
        scripts: { start: "node server.js", worker: "node --no-warnings worker.js" },
      },
      "server.js": "",
      "worker.js": "",
    },
    nodeArgs: ["--no-warnings"],
    releases: { ".": { api: ["server.js"], jobs: ["worker.js", ["--queue", "mail"]] } },
  },
  {
    what: "a dependency's command with arguments, in both of its paths",
    file: "ecosystem.config.js",
    text: `module.exports = { apps: [
      { name: "web", script: "./node_modules/.bin/next", args: "start -p 8080", max_memory_restart: "500M" },
      { name: "admin", script: "node_modules/next/dist/bin/next", args: "start -p 8081" },
    ] };`,
    project: { "package.json": next("web"), ...NEXT },
    releases: {
      ".": {
        web: [NEXT_BIN, ["start", "-p", "8080"]],
        admin: [NEXT_BIN, ["start", "-p", "8081"]],
      },
    },
    said: ["all apps: max_memory_restart"],
  },
  {
    what: "restart_delay, cron_restart, env_file, watch",
    file: "ecosystem.config.js",
    text: `module.exports = { apps: [{ name: "bot", script: "./bin/www", node_args: "--max-http-header-size=9000",
      watch: true, restart_delay: 5000, cron_restart: "0 3 * * *", env_file: ".env", max_restarts: 10 }] };`,
    project: {
      "package.json": { name: "bot" },
      "bin/www": "#!/usr/bin/env node\n",
    },
    nodeArgs: ["--max-http-header-size=9000"],
    releases: { ".": { main: ["bin/www"] } },
    said: ["bot: watch", "bot: env_file"],
  },
  {
    what: "Bun as the interpreter and as the program",
    file: "ecosystem.config.cjs",
    text: `module.exports = { apps: [
      { name: "api", script: "src/index.ts", interpreter: "bun" },
      { name: "mail", script: "bun", args: "run src/mail.ts --fast" },
      { name: "feed", script: "bun", args: "run feed", interpreter: "none" },
      { name: "home", script: "src/index.ts", interpreter: "~/.bun/bin/bun", env: { PORT: "3009" } },
    ] };`,
    project: {
      "package.json": { name: "api", type: "module", scripts: { feed: "bun src/feed.ts" } },
      "src/index.ts": "",
      "src/mail.ts": "",
      "src/feed.ts": "",
    },
    releases: {
      ".": {
        api: ["src/index.ts"],
        mail: ["src/mail.ts", ["--fast"]],
        feed: ["src/feed.ts"],
        home: ["src/index.ts", [], { PORT: "3009" }],
      },
    },
    said: ["api: bun", "mail: bun", "feed: bun", "home: bun"],
  },
  {
    what: "in TypeScript, apps that tsx runs, preloads that are no development's",
    file: "ecosystem.config.ts",
    text: `type App = { name: string; script: string; [key: string]: unknown };
      const app = (name: string): App => ({ name, script: \`src/\${name}.ts\`, interpreter: "node",
        interpreter_args: "--import tsx --import ./otel.mjs" });
      export default { apps: [app("web"), app("worker")] };`,
    project: {
      "package.json": { name: "svc", type: "module" },
      "src/web.ts": "",
      "src/worker.ts": "",
      "otel.mjs": "",
    },
    nodeArgs: ["--import=./otel.mjs"],
    releases: { ".": { web: ["src/web.ts"], worker: ["src/worker.ts"] } },
  },
  {
    what: "JSON, with Nest and a server's build that is not there yet",
    file: "ecosystem.json",
    text: `{ "apps": [
      { "name": "core", "cwd": "backend", "script": "npm", "args": "run start" },
      { "name": "site", "cwd": "frontend", "script": "build/server.js" },
    ] }`,
    project: {
      "backend/package.json": {
        name: "backend",
        dependencies: { "@nestjs/core": "12" },
        scripts: { build: "nest build", start: "nest start" },
      },
      "backend/src/main.ts": "",
      "frontend/package.json": { name: "frontend", scripts: { build: "vite build" } },
    },
    releases: { backend: { main: ["src/main.ts"] }, frontend: { main: ["build/server.js"] } },
  },
  {
    what: "YAML, with what is not Node's and what is not there",
    file: "pm2.yml",
    text: `apps:
  - { name: web, script: dist/server.js, cwd: ./web }
  - { name: model, script: main.py, interpreter: python3 }
  - { name: start, script: ./start.sh }
  - { name: gone, script: lib/gone.js, cwd: web }
  - { name: files, script: serve, env: { PM2_SERVE_PATH: dist } }
  - { name: all, script: npm, args: run everything, cwd: web }
  - { name: none, script: npm, args: run nothing, cwd: web }
  - { name: nowhere, script: npm, args: start }
`,
    project: {
      "web/package.json": {
        name: "web",
        scripts: { everything: "turbo run start --parallel" },
      },
      "web/dist/server.js": "",
      "web/dist/package.json": { type: "commonjs" },
      "web/src/index.js": "",
    },
    releases: { web: { main: ["dist/server.js"] } },
    left: [
      ["model", /python3/],
      ["start", /\.sh/],
      ["gone", /lib\/gone\.js is not there/],
      ["files", /serve/],
      ["all", /turbo/],
      ["none", /"npm run nothing" is none of the scripts of web\/package\.json/],
      ["nowhere", /no package\.json/],
    ],
  },
  {
    what: "several ports, a script that migrates first, a development script",
    file: "ecosystem.config.mjs",
    text: `export default { apps: [
      { name: "one", script: "npm", args: "start", cwd: "one", env: { ...process.env, PORT: 3001 }, env_production: { NODE_ENV: "production", PORT: 80 } },
      { name: "two", script: "npm", args: "run dev", cwd: "two", env: { API_KEY: "secret", LEVEL: "debug" } },
    ], deploy: { production: { host: "h", path: "/srv/pm2", user: "me" } } };`,
    project: {
      "one/package.json": {
        name: "one",
        scripts: { start: "prisma migrate deploy && cross-env TZ=UTC node server.js" },
      },
      "one/server.js": "",
      "two/package.json": { ...next("two"), scripts: { dev: "next dev", build: "next build" } },
      ...Object.fromEntries(Object.entries(NEXT).map(([path, text]) => [`two/${path}`, text])),
    },
    releases: {
      one: { main: ["server.js", [], { TZ: "UTC" }] },
      two: { main: [NEXT_BIN, ["start"]] },
    },
    said: [
      "env: ...process.env",
      "deploy.production: path",
      "one: prisma migrate deploy",
      "API_KEY",
    ],
  },
];

describe("ecosystem files as people have them", () => {
  for (const { what, file, text, project, releases, nodeArgs = [], left = [], said } of CASES) {
    test(what, async (t) => {
      const { folder, remove } = temporaryFolder("pm2-file");
      t.after(remove);
      writeFiles(folder, { ...project, [file]: text });
      const found = await guessConfig(folder, file);
      const started: Record<string, Started> = {};
      for (const release of found.releases) {
        const place = join(folder, release.folder);
        writeFiles(place, { "tsugi.config.ts": renderConfig(release.config, "tsugi.config.ts") });
        started[release.folder] = await startedIn(place);
        if (release.folder === ".") assert.deepEqual(release.config.nodeArgs ?? [], nodeArgs);
      }
      assert.deepEqual(started, releases);
      assert.deepEqual(
        found.left.map(({ what }) => what),
        left.map(([name]) => name),
      );
      for (const [at, [, why]] of left.entries()) assert.match(found.left[at]!.why, why);
      assert.deepEqual(
        found.notes.map(({ what }) => what),
        said ?? [],
      );
    });
  }

  test("several releases on one host have a root each", async (t) => {
    const { folder, remove } = temporaryFolder("pm2-roots");
    t.after(remove);
    const { file, text, project } = CASES.at(-1)!;
    writeFiles(folder, { ...project, [file]: text });
    const { releases, notes } = await guessConfig(folder, file);
    assert.deepEqual(
      releases.map(({ config }) => config.environments?.production?.root),
      ["/srv/pm2-tsugi/one", "/srv/pm2-tsugi/two"],
    );
    assert.match(
      JSON.stringify(notes),
      /an install root wants a folder of its own.*root is \/srv\/pm2-tsugi/,
    );
    assert.deepEqual(releases[0]!.config.environments?.production?.env, { PORT: "80" });
  });

  test("a limit of memory keeps what the start script gives node", async (t) => {
    const { folder, remove } = temporaryFolder("pm2-memory");
    t.after(remove);
    writeFiles(folder, {
      "package.json": { name: "x", scripts: { start: "node --no-warnings s.js" } },
      "s.js": "",
      "pm2.json": { apps: [{ script: "npm", args: "start", max_memory_restart: "300M" }] },
    });
    const { releases } = await guessConfig(folder, "pm2.json");
    const config = { nodeArgs: ["--no-warnings"], maxMemory: "300M" };
    assert.deepEqual(releases, [{ folder: ".", config }]);
  });

  test("one whose apps can none be a release is refused with why", async (t) => {
    const { folder, remove } = temporaryFolder("pm2-none");
    t.after(remove);
    const text = "module.exports = { apps: [{ name: 'model', script: 'main.py' }] };";
    writeFiles(folder, { "package.json": { name: "x" }, "ecosystem.config.js": text });
    await assert.rejects(guessConfig(folder, "ecosystem.config.js"), {
      code: "TSUGI_SHAPE_UNFIT",
      message: /model: a release carries Node and nothing else/,
    });
  });
});

/** What a build of the folder would start: its file is there, or its build script writes it. */
async function startedIn(folder: string): Promise<Started> {
  const { config } = await loadConfig(folder);
  const project = readProject(folder);
  const { processes } = decideEntry(project, config, silentLog);
  return Object.fromEntries(
    processes.map(({ name, candidates, args, env }) => {
      const isThere = candidates.some(
        (path) => existsSync(join(folder, path)) || existsSync(inPackage(folder, path)),
      );
      if (!isThere) assert.ok(hasBuildScript(project), candidates.join());
      const entry = isThere ? chooseEntry(folder, candidates) : candidates[0]!;
      const rest = env ? [args ?? [], env] : args ? [args] : [];
      return [name, [entry, ...rest] as unknown as Started[string]];
    }),
  );
}
