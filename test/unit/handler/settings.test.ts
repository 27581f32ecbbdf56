import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { parseEnvFile } from "../../../src/handler/envFile.ts";
import { readHostSettings } from "../../../src/handler/settings.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const says = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TsugiError);
  assert.equal(error.code, code);
  assert.match(`${error.message} ${error.hint}`, pattern);
  return true;
};

test("etc/env: comments, quotes, export, and nothing expanded", () => {
  const text = [
    "# a comment",
    "PORT=4000",
    "  export URL = mysql://user:p#ss@host/db  # with a comment",
    "EMPTY=",
    `SINGLE='a "b" \\n $HOME # kept'`,
    'DOUBLE="line one\\nline two \\"quoted\\" C:\\temp"   # kept out',
    'KEY="-----BEGIN',
    'END-----"',
    "HASH=#nothing",
    "",
  ].join("\r\n");
  assert.deepEqual(parseEnvFile(text, "etc/env"), {
    PORT: "4000",
    URL: "mysql://user:p#ss@host/db",
    EMPTY: "",
    SINGLE: 'a "b" \\n $HOME # kept',
    DOUBLE: 'line one\nline two "quoted" C:\\temp',
    KEY: "-----BEGIN\nEND-----",
    HASH: "",
  });
});

for (const [text, problem] of [
  ["PORT=1\nwhat is this", /line 2.*KEY=value/],
  ["1PORT=1", /line 1/],
  ['A=1\nB="open\nC=2', /line 2.*never closed/],
  ["A='x' y", /line 1.*after the closing/],
] as const) {
  test(`etc/env with ${JSON.stringify(text)} is refused with its line`, () => {
    assert.throws(() => parseEnvFile(text, "etc/env"), says("TSUGI_SETTINGS_INVALID", problem));
  });
}

function host() {
  const folder = temporaryFolder();
  const layout = layoutOf(folder.path, "wall");
  mkdirSync(layout.etc);
  mkdirSync(layout.release("1.0.0").dir, { recursive: true });
  return { layout, [Symbol.dispose]: folder[Symbol.dispose] };
}

test("the host's settings win over the release's, key by key", async () => {
  using at = host();
  const release = at.layout.release("1.0.0");
  writeFileSync(release.config, '{ "timeouts": { "freezeMs": 1, "drainMs": 2 } }');
  writeFileSync(release.nodeArgs, "--max-old-space-size=512\n");
  writeFileSync(at.layout.etcConfig, '{ "timeouts": { "freezeMs": 3 }, "keepReleases": 9 }');
  writeFileSync(at.layout.etcNodeArgs, "# more room\n--max-old-space-size=900\n");
  writeFileSync(at.layout.etcEnv, "PORT=1\n", { mode: 0o600 });
  const { settings, nodeArgs, env } = await readHostSettings(at.layout, "1.0.0");
  assert.equal(settings.timeouts.freezeMs, 3);
  assert.equal(settings.timeouts.drainMs, 2);
  assert.equal(settings.timeouts.readyMs, 30_000);
  assert.equal(settings.keepReleases, 9);
  assert.deepEqual(nodeArgs, ["--max-old-space-size=512", "--max-old-space-size=900"]);
  assert.deepEqual(env, { PORT: "1" });
});

test("an etc/env that others can read is refused and chmod named", async () => {
  using at = host();
  writeFileSync(at.layout.etcEnv, "PORT=1\n", { mode: 0o600 });
  chmodSync(at.layout.etcEnv, 0o640);
  await assert.rejects(
    readHostSettings(at.layout, "1.0.0"),
    says("TSUGI_ENV_EXPOSED", /mode 640.*chmod 600/),
  );
});

for (const [text, problem] of [
  ["{", /not JSON/],
  ["[]", /expected an object/],
  ['{ "timeouts": { "freezeMs": "2s" } }', /"timeouts\.freezeMs": expected a positive.*"2s"/],
  ['{ "health": { "port": 99999 } }', /"health\.port": expected a port, found 99999/],
  ['{ "logs": 5 }', /"logs": expected an object/],
] as const) {
  test(`etc/config.json with ${text} is refused with what was expected`, async () => {
    using at = host();
    writeFileSync(at.layout.etcConfig, text);
    await assert.rejects(
      readHostSettings(at.layout, "1.0.0"),
      says("TSUGI_SETTINGS_INVALID", problem),
    );
  });
}

test("the hash of etc/ changes with each of its files", async () => {
  using at = host();
  const hash = async () => (await readHostSettings(at.layout, "1.0.0")).etcHash;
  const seen = new Set([await hash()]);
  for (const path of [at.layout.etcEnv, at.layout.etcConfig, at.layout.etcNodeArgs]) {
    writeFileSync(path, path === at.layout.etcConfig ? "{}" : "", { mode: 0o600 });
    seen.add(await hash());
  }
  assert.equal(seen.size, 4);
});

test("a limit of memory and times of reloads are read, and refused by name", async () => {
  using at = host();
  const { etcConfig } = at.layout;
  const read = async (json: object) => {
    writeFileSync(etcConfig, JSON.stringify(json));
    return (await readHostSettings(at.layout, "1.0.0")).settings;
  };
  const given = { maxMemory: "1.5 GB", reloadAt: "0 4 * * MON" };
  const { maxMemory, reloadAt } = await read(given);
  assert.deepEqual({ maxMemory, reloadAt }, given);
  for (const [bad, expected] of [
    [{ maxMemory: "much" }, /"maxMemory": expected a size such as "512M", found "much"/],
    [{ maxMemory: 512 }, /"maxMemory": expected a size/],
    [{ reloadAt: "daily" }, /"reloadAt": expected times as cron has them/],
    [{ reloadAt: "0 25 * * *" }, /"reloadAt": .*hour/],
    [{ reloadAt: "0 0 31 2 *" }, /"reloadAt": it never comes/],
  ] as const) {
    await assert.rejects(read(bad), says("TSUGI_SETTINGS_INVALID", expected));
  }
});
