/** What a process that dies in the middle of a durable write leaves. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ensureFolder } from "../../../src/platform/files.ts";
import { Directory } from "../../../src/store/directory.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const files = join(import.meta.dirname, "..", "..", "..", "src", "platform", "files.ts");
const PROGRAM = `
const { writeDurably } = await import(process.argv[1]);
await writeDurably("it", process.argv[2], "the new text");
`;

function writeWith(fault: string, path: string) {
  const args = ["--import", "tsx", "--input-type=module", "-e", PROGRAM, files, path];
  const env = { ...process.env, TSUGI_FAULT: `it:${fault}` };
  return spawnSync(process.execPath, args, { env, encoding: "utf8" });
}

test("a write that is torn leaves the old file whole", () => {
  using folder = temporaryFolder();
  const path = folder.at("file");
  writeFileSync(path, "the old text");
  assert.equal(writeWith("write=torn", path).signal, "SIGKILL");
  assert.equal(readFileSync(path, "utf8"), "the old text");
});

test("a process that is killed right after the rename leaves the new file whole", () => {
  using folder = temporaryFolder();
  const path = folder.at("file");
  writeFileSync(path, "the old text");
  assert.equal(writeWith("renamed=kill", path).signal, "SIGKILL");
  assert.equal(readFileSync(path, "utf8"), "the new text");
});

test("a folder that is a link to nothing is told as such, and not as a file that is there", async () => {
  using folder = temporaryFolder();
  const path = folder.at("log");
  symlinkSync("/nowhere/log", path);
  for (const wanted of [path, join(path, "more")]) {
    await assert.rejects(ensureFolder(wanted), {
      code: "ENOENT",
      message: `ENOENT: ${path} is a link to /nowhere/log, and nothing is there`,
    });
  }
});

test("a store where no folder may be made is refused, and waits for nothing", {
  timeout: 20_000,
}, async () => {
  const store = new Directory("/proc/no-store");
  await assert.rejects(store.create({ path: "x", bytes: Buffer.alloc(1) }), { code: "ENOENT" });
});
