/** The commands beside `tsugi release`: verify, plan, init, help config. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { mustTsugi, smallProject, standInNode, tsugi, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: beside release", () => {
  const builds = new Releasing("release-commands");

  test("verify finds a whole release whole, and what was changed", async () => {
    smallProject(builds.folder);
    await builds.must();
    const tarball = join(builds.tree, "releases/1.0.0/small.tar.gz");
    const args = ["verify", tarball, "--json"];
    const whole = JSON.parse((await mustTsugi(args, builds.folder)).stdout);
    assert.equal(whole.version, "1.0.0");
    assert.match(
      (await mustTsugi(["verify", builds.tree], builds.folder)).stdout,
      /small 1\.0\.0 is whole/,
    );
    writeFiles(builds.tree, { "lib/small-1.0.0/src/server.mjs": "changed" });
    const changed = await tsugi(["verify", join(builds.tree, "releases", "1.0.0")], builds.folder);
    assert.match(changed.stderr, /TSUGI_RELEASE_DIFFERS[\s\S]*server\.mjs/);
    assert.equal(changed.status, 1);
    const short = readFileSync(tarball);
    writeFiles(builds.folder, { "short.tar.gz": "" });
    await runCommand("sh", ["-c", `head -c ${short.length - 600} "${tarball}" > short.tar.gz`], {
      cwd: builds.folder,
    });
    const cut = await tsugi(["verify", "short.tar.gz"], builds.folder);
    assert.match(cut.stderr, /TSUGI_RELEASE_(UNREADABLE|DIFFERS)/);
    const none = await tsugi(["verify", "nowhere"], builds.folder);
    assert.match(none.stderr, /TSUGI_RELEASE_UNREADABLE/);
  });

  test("plan says how an upgrade would go, from tarballs and folders", async () => {
    for (const version of ["1.0.0", "1.1.0"]) {
      const project = join(builds.folder, version);
      cpSync(join(projectRoot, "test/fixtures/apps", `counter-${version}`), project, {
        recursive: true,
      });
      writeFiles(project, {
        "tsugi.config.json": { runtime: { from: standInNode(builds.folder) } },
      });
      await mustTsugi(["release", "--out", join(builds.folder, "rel")], project, builds.env);
    }
    const releases = join(builds.folder, "rel", "counter", "releases");
    const tarball = join(releases, "1.1.0", "counter.tar.gz");
    const { stdout } = await mustTsugi(["plan", join(releases, "1.0.0"), tarball], builds.folder);
    assert.match(stdout, /1\.0\.0 → 1\.1\.0: handoff/);
    const json = await mustTsugi(
      ["plan", tarball, join(releases, "1.0.0"), "--json"],
      builds.folder,
    );
    assert.equal(JSON.parse(json.stdout).to, "1.0.0");
  });

  test("init writes a configuration that loads", async () => {
    smallProject(builds.folder);
    rmSync(join(builds.folder, "tsugi.config.json"));
    await mustTsugi(["init"], builds.folder);
    assert.match(
      readFileSync(join(builds.folder, "tsugi.config.ts"), "utf8"),
      /entry: "src\/server\.ts"/,
    );
    const again = await tsugi(["init"], builds.folder);
    assert.equal(again.status, 2);
    const from = JSON.stringify(standInNode(builds.folder));
    const text = readFileSync(join(builds.folder, "tsugi.config.ts"), "utf8");
    writeFiles(builds.folder, {
      "tsugi.config.ts": text.replace("{\n", `{ runtime: { from: ${from} },\n`),
    });
    await builds.must();
  });

  const tsconfigs: [name: string, file: string, tsconfig: object][] = [
    ["src alone", "ts", { include: ["src/**/*"], compilerOptions: { types: [] } }],
    ["all that lies there", "mjs", { compilerOptions: { types: [] } }],
    ["JavaScript too", "json", { compilerOptions: { types: [], allowJs: true, noEmit: true } }],
  ];
  for (const [what, ending, tsconfig] of tsconfigs) {
    test(`init leaves the project's own build as it was: tsconfig takes ${what}`, async () => {
      smallProject(builds.folder, { "tsconfig.json": tsconfig });
      rmSync(join(builds.folder, "tsugi.config.json"));
      const tsc = join(projectRoot, "node_modules/.bin/tsc");
      const listed = () => mustRun(tsc, ["--listFilesOnly"], { cwd: builds.folder });
      const before = (await listed()).stdout;
      const { stdout } = await mustTsugi(["init"], builds.folder);
      assert.match(stdout, new RegExp(`Wrote .*/tsugi\\.config\\.${ending}\n`));
      assert.equal((await listed()).stdout, before);
      await mustTsugi(["release", "--list"], builds.folder);
      const again = await tsugi(["init"], builds.folder);
      assert.deepEqual([again.status, /is there already/.test(again.stderr)], [2, true]);
    });
  }

  test("init takes over a PM2 ecosystem file", async () => {
    smallProject(builds.folder, {
      "src/jobs.ts": "",
      "ecosystem.config.cjs": `module.exports = { apps: [
        { name: "API", script: "./src/server.ts", instances: "max", env: { PORT: 4000, API_KEY: "k" }, node_args: "--max-old-space-size=200" },
        { name: "jobs", script: "src/jobs.ts" }] };`,
    });
    const { stdout } = await mustTsugi(
      ["init", "--from", "ecosystem.config.cjs", "--json"],
      builds.folder,
    );
    const { config, notes } = JSON.parse(stdout);
    assert.deepEqual(config, {
      processes: {
        api: { entry: "src/server.ts", env: { PORT: "4000" }, workers: "max" },
        jobs: { entry: "src/jobs.ts" },
      },
      nodeArgs: ["--max-old-space-size=200"],
    });
    assert.match(JSON.stringify(notes[0]), /API_KEY.*<root>\/etc\/env/);
  });

  test("an ecosystem file of a monorepo is a release for each folder, or why not", async () => {
    const folder = join(builds.base, "monorepo");
    writeFiles(folder, {
      "ecosystem.config.cjs": `const app = (name, more) => ({ name, cwd: "apps/" + name, script: "npm", args: "start", ...more });
        module.exports = { apps: [app("web", { env: { PORT: 3000 } }), app("api"), { name: "model", script: "main.py" }] };`,
      "apps/web/package.json": { name: "web", scripts: { start: "node server.js" } },
      "apps/web/server.js": "",
      "apps/api/package.json": { name: "api", scripts: { start: "node server.js" } },
      "apps/api/server.js": "",
    });
    const said = await mustTsugi(["init", "--from", "ecosystem.config.cjs"], folder);
    assert.match(said.stdout, /apps\/web\/tsugi\.config\.ts\nWrote .*apps\/api\/tsugi\.config\.ts/);
    assert.match(said.stdout, /web: PORT as the file has them/);
    assert.match(said.stdout, /One thing can be no release.*\n {2}model\n/);
    assert.match(
      said.stdout,
      /for app in apps\/web apps\/api; do \(cd \$app && npx tsugi release\)/,
    );
    const again = await tsugi(["init", "--from", "ecosystem.config.cjs"], folder);
    assert.deepEqual([again.status, /is there already/.test(again.stderr)], [2, true]);
  });

  test("help config names every key", async () => {
    const { stdout } = await mustTsugi(["help", "config"], builds.base);
    for (const key of ["name", "runtime.node", "processes.<name>.overlap", "timeouts.freezeMs"]) {
      assert.ok(stdout.includes(`${key}: `), key);
    }
    assert.equal((await tsugi(["help", "nonsense"], builds.base)).status, 2);
  });
});
