/** What `tsugi deploy` takes: a commit, built clean, and releases out of stores. */

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildsIn } from "../../src/release/layout.ts";
import { Deploying } from "../helpers/deploying.ts";
import { projectRoot } from "../helpers/example.ts";
import { TEST_NODE } from "../helpers/fixtureReleases.ts";
import { tsugi, writeFiles } from "../helpers/projects.ts";
import { PLAIN_GIT, Repository } from "../helpers/repository.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();

describe("a deploy of a commit, or of what a store has", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-sources-"));
  const temporary = join(folder, "t");
  let repository: Repository;
  let fleet: Deploying;

  before(async () => {
    const fixture = join(
      projectRoot,
      "test",
      "fixtures",
      "apps",
      "teller-1.0.0",
      "src",
      "server.ts",
    );
    const files = {
      "package.json": packageOf("1.0.0"),
      ".gitignore": "rel\ntsugi.config.json\nstore\n",
      ".node-version": `${TEST_NODE}\n`,
      "src/server.ts": readFileSync(fixture, "utf8"),
    };
    repository = await Repository.create(join(folder, "teller"), files);
    await repository.git("tag", "one");
    fleet = await Deploying.start("teller", ["app1"], repository.folder);
    mkdirSync(temporary);
    fleet.env = { ...PLAIN_GIT, TSUGI_SSH_CONFIG: fleet.fleet.configFile, TMPDIR: temporary };
  });
  after(async () => {
    await fleet?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const packageOf = (version: string) =>
    JSON.stringify({ name: "teller", version, private: true, type: "module" });
  const versionAfter = async (...what: string[]) => {
    const { status, output } = await fleet.deploy(...what);
    assert.equal(status, 0, output);
    return (await fleet.versions())[0];
  };

  test("hosts are asked before anything is built, and --dry-run leaves nothing behind", async () => {
    const pin = join(repository.folder, ".node-version");
    const before = readdirSync(repository.folder).sort();
    await fleet.tsugi("lock", "production", "--reason", "the database is being moved");
    const refused = await fleet.deploy();
    assert.equal(refused.status, 4, refused.output);
    assert.match(refused.output, /the database is being moved/);
    await fleet.tsugi("unlock", "production");
    assert.deepEqual(readdirSync(repository.folder).sort(), before);

    const version = readFileSync(pin, "utf8");
    rmSync(pin);
    // On a machine of continuous integration an unpinned Node is an error.
    fleet.env.CI = "";
    const dry = await fleet.tsugi("deploy", "production", "--dry-run");
    delete fleet.env.CI;
    assert.equal(dry.status, 0, dry.output);
    assert.match(dry.output, /would, on app1: send what it lacks/);
    assert.ok(!existsSync(pin));
    writeFileSync(pin, version);
    assert.deepEqual(readdirSync(repository.folder).sort(), before);
    assert.deepEqual(readdirSync(temporary), []);
    assert.ok(!existsSync(fleet.hosts[0]!.bin));
  });

  test("what it lacks of a host's variables where it is built is a line", async () => {
    const server = join(repository.folder, "src", "server.ts");
    const text = readFileSync(server, "utf8");
    const needs = 'if (!process.env.SESSION_SECRET) throw new Error("SESSION_SECRET is not set");';
    writeFileSync(server, `${text}\n${needs}\n`);
    fleet.env.TSUGI_TRY = "1";
    const { status, output } = await fleet.tsugi("deploy", "production", "--dry-run");
    delete fleet.env.TSUGI_TRY;
    writeFileSync(server, text);
    assert.equal(status, 0, output);
    const told = output.split("\n").filter((line) => /start here|SESSION_SECRET/.test(line));
    assert.deepEqual(told, [
      "  It does not start here, without a host's etc/env: SESSION_SECRET is not set",
    ]);
  });

  test("--ref: what the tag holds, whatever lies in the folder", async () => {
    writeFileSync(join(repository.folder, "src", "server.ts"), "not what was committed");
    assert.equal(await versionAfter("--ref", "one"), "1.0.0");
    const unknown = await fleet.deploy("--ref", "nowhere");
    assert.equal(unknown.status, 1, unknown.output);
    assert.match(unknown.output, /nowhere/);
    assert.ok(!unknown.events.some(({ step }) => step === "lock"), "no host was changed");
  });

  test("where only a configuration lies, status asks it for the name", async () => {
    const place = join(folder, "operations");
    const config = { environments: { production: { hosts: ["app1"] } } };
    writeFiles(place, { "tsugi.config.json": config });
    const { status, output } = await tsugi(["status"], place);
    assert.equal(status, 1, output);
    assert.match(output, /tsugi\.config\.json is not valid: .*name: "…"/);
  });

  test("--git: a repository elsewhere; the hosts are this folder's", async () => {
    await repository.git("stash");
    await repository.commit({ "package.json": packageOf("1.0.1") });
    const elsewhere = new URL(`file://${repository.folder}`).href;
    assert.equal(await versionAfter("--git", elsewhere), "1.0.1");
  });

  test("a reference: the configured store's folder, or one behind ssh", async () => {
    fleet.configure({}, {}, undefined, { store: "./store" });
    const release = (version: string) =>
      join(buildsIn("."), "teller", "releases", version, "teller.tar.gz");
    const { status, output } = await fleet.tsugi("push", release("1.0.0"));
    assert.equal(status, 0, output);
    const there = `ssh://app1${fleet.hosts[0]!.ssh.folder}/store`;
    const pushed = await fleet.tsugi("push", release("1.0.1"), "--store", there);
    assert.equal(pushed.status, 0, pushed.output);
    rmSync(buildsIn(repository.folder), { recursive: true });

    assert.equal(await versionAfter("teller@1.0.0"), "1.0.0");
    assert.equal(await versionAfter(`${there}#teller@1.0.1`), "1.0.1");
    const none = await fleet.deploy("teller@1.0.9");
    assert.match(JSON.stringify(none.output), /TSUGI_NOT_IN_STORE/);
    const host = await fleet.deploy(`ssh://app1${fleet.hosts[0]!.root}`);
    assert.match(JSON.stringify(host.output), /TSUGI_REFERENCE_INVALID/);
    assert.deepEqual(await fleet.versions(), ["1.0.1"]);
    assert.deepEqual(readdirSync(temporary), [], "what was fetched is gone");
  });
});
