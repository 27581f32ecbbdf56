/** What `npm pack` makes, run by `npx` in a Mix project: no package.json, nothing of this checkout. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { copyFixture, elixirMissing } from "../helpers/beam.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { temporaryFolder } from "../helpers/projects.ts";

test("npx tsugi releases a Mix project that has no package.json", {
  skip: await elixirMissing(),
}, async (t) => {
  const { folder, remove } = temporaryFolder("npx");
  t.after(remove);
  // What npx installs goes into a folder of the test's; what npm has downloaded before is used.
  const cache = join(folder, "cache");
  mkdirSync(cache);
  const known = (await mustRun("npm", ["config", "get", "cache"])).stdout.trim();
  symlinkSync(join(known, "_cacache"), join(cache, "_cacache"));
  const npm = { ...process.env, npm_config_cache: cache, npm_config_update_notifier: "false" };

  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await mustRun("npm", pack, { cwd: projectRoot, env: npm });
  // npm prints a list, since 12 an object.
  const [{ filename }] = Object.values(JSON.parse(stdout)) as [{ filename: string }];
  const project = join(folder, "shop");
  copyFixture(project, { fixture: "shop-0.0.1" });
  const run = (...args: string[]) =>
    runCommand(
      "npx",
      ["--yes", "--prefer-offline", "--package", join(folder, filename), "--", "tsugi", ...args],
      { cwd: project, env: npm, timeoutMs: 300_000 },
    );
  const released = await run("release", "--json");
  assert.equal(released.status, 0, released.output);
  const { name, version, tarball } = JSON.parse(released.stdout);
  assert.deepEqual([name, version], ["shop", "0.0.1"]);
  assert.ok(tarball.startsWith(project) && existsSync(tarball));
  assert.equal(existsSync(join(project, "package.json")), false, "it needs none and makes none");
  const verified = await run("verify", tarball);
  assert.equal(verified.status, 0, verified.output);
});
