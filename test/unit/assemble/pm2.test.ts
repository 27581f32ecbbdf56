/** From a PM2 ecosystem file to a configuration: what is taken over, and what is said about the rest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { convertEcosystem } from "../../../src/assemble/pm2/convert.ts";
import { type Pm2App, readEcosystem } from "../../../src/assemble/pm2/ecosystem.ts";
import { checkConfig } from "../../../src/config/load.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

/** In one project that has these files; what is said of apps that can be none comes last. */
const convert = async (apps: Pm2App[], deploy = {}) => {
  const { folder, remove } = temporaryFolder("pm2-one");
  const files = ["web.js", "jobs.js", "server/dist/web.js"];
  writeFiles(folder, Object.fromEntries(files.map((path) => [path, ""])));
  writeFiles(folder, { "package.json": { name: "project" } });
  const { releases, notes, left } = convertEcosystem(folder, { apps, deploy });
  remove();
  assert.equal(releases.length, 1);
  const { config } = releases[0]!;
  await checkConfig(config, "test");
  return { config, notes: [...notes, ...left], said: [...notes, ...left].map(({ what }) => what) };
};

describe("an ecosystem file", () => {
  const { folder, remove } = temporaryFolder("pm2");
  after(remove);

  const forms: Record<string, string> = {
    "ecosystem.config.js": "module.exports = { apps: [{ name: 'web', script: 'web.js' }] };",
    "ecosystem.config.cjs": "module.exports = { apps: { name: 'web', script: 'web.js' } };",
    "ecosystem.config.mjs": "export default { apps: [{ name: 'web', script: 'web.js' }] };",
    "process.json": '// PM2 allows comments\n[{ "name": "web", "script": "web.js", },]',
    "process.yml": "apps:\n  - name: web\n    script: web.js\n",
    "one.json": '{ "name": "web", "script": "web.js" }',
  };
  for (const [name, text] of Object.entries(forms)) {
    test(`${name} is read as PM2 reads it`, async () => {
      writeFiles(folder, { [name]: text });
      const { apps } = await readEcosystem(join(folder, name));
      assert.deepEqual({ ...apps[0] }, { name: "web", script: "web.js" });
    });
  }

  test("one that throws, is not there or names no apps is refused", async () => {
    writeFiles(folder, { "throws.cjs": "throw new Error('no')", "empty.json": "{}" });
    for (const name of ["throws.cjs", "empty.json", "nowhere.js"]) {
      await assert.rejects(readEcosystem(join(folder, name)), { code: "TSUGI_CONFIG_UNREADABLE" });
    }
  });
});

test("one app with one instance is an entry", async () => {
  const { config, said } = await convert([
    { name: "web", script: "./dist/web.js", cwd: "server", node_args: "--a --b", wait_ready: true },
  ]);
  assert.deepEqual(config, { name: "web", entry: "server/dist/web.js", nodeArgs: ["--a", "--b"] });
  assert.deepEqual(said, ["web: cwd server"]);
});

test("instances are workers, and a negative number is asked about", async () => {
  for (const [instances, workers] of [
    [3, 3],
    ["4", 4],
    ["max", "max"],
    [0, "max"],
  ] as const) {
    const { config, notes } = await convert([{ script: "web.js", instances }]);
    assert.deepEqual([config.processes?.web?.workers, notes], [workers, []]);
  }
  assert.deepEqual((await convert([{ script: "web.js", instances: -1 }])).said, [
    "web: instances -1",
  ]);
});

test("times are milliseconds, in both of PM2's ways to write them", async () => {
  const app = { script: "web.js", kill_timeout: "3s", listen_timeout: 8000, max_restarts: 7 };
  const { config } = await convert([app]);
  assert.deepEqual(config.timeouts, { stopMs: 3000, readyMs: 8000 });
  assert.deepEqual(config.restarts, { max: 7 });
});

test("a memory limit is the supervisor's to watch", async () => {
  for (const [limit, maxMemory] of [
    ["300M", "300M"],
    ["1.5G", "1.5G"],
    [104857600, "102400K"],
  ] as const) {
    const { config, said } = await convert([{ script: "web.js", max_memory_restart: limit }]);
    assert.deepEqual([config.maxMemory, said], [maxMemory, []]);
  }
  const apps = ["300M", "1G"].map((limit) => ({ script: "web.js", max_memory_restart: limit }));
  const { config, said } = await convert(apps);
  assert.deepEqual([config.maxMemory, said], ["1G", ["all apps: max_memory_restart"]]);
});

test("delays of restarts and times of reloads are a release's too", async () => {
  const { config, said } = await convert([
    { script: "web.js", restart_delay: "3s", cron_restart: "0 3 * * *" },
    { script: "jobs.js", exp_backoff_restart_delay: 100, cron_restart: "0 0 31 2 *" },
    { name: "report", script: "web.js", autorestart: false, cron_restart: "0 5 * * *" },
  ] as Pm2App[]);
  assert.deepEqual([config.restarts, config.reloadAt], [{ delayMs: 3000 }, "0 3 * * *"]);
  assert.deepEqual(said, [
    "all apps: restart_delay, cron_restart",
    "jobs: cron_restart",
    "report: autorestart",
    "report: cron_restart",
  ]);
});

test("what nobody can mean is no setting, and port is a variable", async () => {
  const app = { name: 3, script: "web.js", env: "x", args: 5, cwd: 5, port: 3000 };
  const times = { kill_timeout: 0, listen_timeout: -1, max_restarts: 0, instances: "x" };
  const odd = { ...app, ...times } as unknown as Pm2App;
  const { config, said } = await convert([odd], { staging: { path: "/srv/x" } });
  const processes = { main: { entry: "web.js", env: { PORT: "3000" } } };
  assert.deepEqual(config, { name: "3", processes });
  assert.deepEqual(said, ["deploy.staging", "deploy.staging: path"]);
  const nuxt = { script: "web.js", port: "3000" } as Pm2App;
  assert.deepEqual((await convert([nuxt])).config.processes?.web?.env, { PORT: "3000" });
});

test("the deploy section is environments, with secrets by their names only", async () => {
  const app = {
    script: "web.js",
    env: { PORT: 4000, API_TOKEN: "abc", NODE_ENV: "development" },
    env_production: { NODE_ENV: "production", DATABASE: "mysql://me:secret@db/x" },
  };
  const target = { user: "deploy", host: ["app1", "root@app2"], path: "/srv/web", repo: "r" };
  const { config, said } = await convert([app], { production: target });
  assert.deepEqual(config.environments, {
    production: {
      hosts: [
        { host: "app1", user: "deploy" },
        { host: "app2", user: "root" },
      ],
      root: "/srv/web-tsugi",
      env: { PORT: "4000" },
      secrets: { API_TOKEN: { env: "API_TOKEN" }, DATABASE: { env: "DATABASE" } },
    },
  });
  assert.deepEqual(said, [
    "API_TOKEN, DATABASE",
    "deploy.production: path",
    "deploy.production: repo",
  ]);
});

test("without a deploy section variables are the release's, and secrets are named for etc/env", async () => {
  const env = { PORT: 1, DATABASE_URL: "postgres://me:word@db/x", NODE_ENV: "development" };
  const { config, said } = await convert([
    { script: "web.js", env, env_production: { NODE_ENV: "production" }, env_staging: { PORT: 2 } },
  ]);
  assert.equal(config.environments, undefined);
  assert.deepEqual(config.processes, { web: { entry: "web.js", env: { PORT: "1" } } });
  assert.deepEqual(said, ["DATABASE_URL", "env_staging"]);
});

test("what comes from the shell is one line, and no value of it", async () => {
  const whole = { ...process.env, PORT: 3001 };
  const { config, said } = await convert([{ script: "web.js", env: whole }]);
  assert.deepEqual(config.processes?.web?.env, { PORT: "3001" });
  assert.deepEqual(said, ["env: ...process.env"]);
  const some = { DATABASE: process.env.TSUGI_TEST_NOT_SET, HOME: process.env.HOME };
  const named = await convert([{ script: "web.js", env: some }]);
  assert.deepEqual([named.config, named.said], [{ entry: "web.js" }, ["env: DATABASE, HOME"]]);
});

test("each process has its own environment and arguments; what they share is said where they differ", async () => {
  const { config, said } = await convert([
    { name: "web", script: "web.js", env: { PORT: 1 }, kill_timeout: 1000, args: "--a 'b c'" },
    { name: "jobs", script: "jobs.js", env: { PORT: 2 }, kill_timeout: 9000, args: ["x y"] },
    { name: "jobs", script: "jobs.js" },
    { name: "jobs-2", script: "jobs.js" },
  ]);
  assert.equal(config.timeouts?.stopMs, 9000);
  assert.deepEqual(config.processes, {
    web: { entry: "web.js", args: ["--a", "b c"], env: { PORT: "1" } },
    jobs: { entry: "jobs.js", args: ["x y"], env: { PORT: "2" } },
    "jobs-2": { entry: "jobs.js" },
    "jobs-2-2": { entry: "jobs.js" },
  });
  assert.deepEqual(said, ["all apps: kill_timeout"]);
});

test("what can't be said is named with a reason and a way, and what is off is not", async () => {
  const { notes, said } = await convert([
    {
      name: "web",
      script: "web.js",
      watch: true,
      autorestart: true,
      cron_restart: "99 3 * * *",
      out_file: "a",
      error_file: "b",
      instance_var: "NODE_APP_INSTANCE",
      interpreter: "node",
      max_memory: "typo",
    },
    { name: "jobs", script: "jobs.py", interpreter: "python3", autorestart: false, watch: false },
  ]);
  assert.deepEqual(said, [
    "web: watch",
    "web: cron_restart",
    "web: out_file, error_file",
    "web: max_memory",
    "jobs",
  ]);
  for (const { why, todo } of notes) assert.ok(why.length > 10 && todo.length > 10);
});
