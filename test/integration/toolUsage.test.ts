/** What `tsugi` answers to whoever types it wrong: the help of that very command. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { temporaryFolder, tsugi } from "../helpers/projects.ts";

const { folder, remove } = temporaryFolder("usage");
after(remove);

test("a wrong word is answered with how that command is called, or with all commands where it is none", async () => {
  for (const [words, next] of [
    [["pull"], "tsugi help pull"],
    [["lock", "production"], "tsugi help lock"],
    [["keys", "new", "a", "b"], "tsugi help keys"],
    [["status", "--hots"], "tsugi help status"],
    [["frobnicate"], "tsugi help"],
    [["--frobnicate"], "tsugi help"],
    [["help", "frobnicate"], "tsugi help"],
  ] as const) {
    const { status, stderr } = await tsugi([...words], folder);
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`TSUGI_USAGE[\\s\\S]*: ${next}$`, "m"));
  }
});

test("ps of a folder that is not there says so: a word that was mistyped is no empty folder", async () => {
  const { status, output } = await tsugi(["ps", "./nowhere"], folder);
  assert.equal(status, 2, output);
  assert.match(output, /there is no folder \.\/nowhere/);
});

test("where there is no release, or several, the command that was typed is named again", async () => {
  const image = await tsugi(["image"], folder);
  assert.match(image.stderr, /There is no release in [\s\S]*tsugi image <tarball>/);
  for (const name of ["one", "two"]) {
    mkdirSync(join(folder, ".tsugi", "node_modules", name, "releases"), { recursive: true });
  }
  const push = await tsugi(["push", "--store", "st"], folder);
  assert.match(push.stderr, /are releases of several applications \(one, two\)/);
});
