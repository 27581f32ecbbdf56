/** A disk that is full: known before, or found out in the middle. Needs root, for a file system of its own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorToJson, TsugiError } from "../../../src/contract/errors.ts";
import { refusedFile } from "../../../src/control/refusedFile.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { roomAt } from "../../../src/handler/remove.ts";
import { ensureFolder } from "../../../src/platform/files.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import {
  type HandmadeRelease,
  handmadeRelease,
  temporaryFolder,
  writeTarball,
} from "../../helpers/handmadeRelease.ts";

/** A host on a small file system, with 0.0.1 as its permanent release. */
async function smallHost(options: string) {
  const folder = temporaryFolder();
  const root = folder.at("root");
  mkdirSync(root);
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", root]);
  const layout = layoutOf(root, "wall");
  mkdirSync(layout.releases);
  const handler = createReleaseHandler(layout);
  const offer = async (release: HandmadeRelease) =>
    handler.unpack({ source: await writeTarball(folder.at("a.tar.gz"), release) });
  await offer(handmadeRelease("0.0.1"));
  await handler.commit("0.0.1");
  return {
    root,
    layout,
    handler,
    offer,
    [Symbol.dispose]: () => {
      execFileSync("umount", [root]);
      folder[Symbol.dispose]();
    },
  };
}

function mountMissing(): string | false {
  if (process.getuid?.() !== 0) return "only root can mount a small file system";
  using folder = temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", folder.path], { stdio: "ignore" });
    execFileSync("umount", [folder.path]);
    return false;
  } catch {
    return "nothing can be mounted here";
  }
}

const skip = mountMissing();
const listing = (root: string) => readdirSync(root, { recursive: true }).map(String).sort();
const withoutStaging = (paths: string[]) => paths.filter((path) => path !== "releases/.staging");

async function refused(
  host: Awaited<ReturnType<typeof smallHost>>,
  release: HandmadeRelease,
  code: string,
  says: RegExp,
  hint = /./,
): Promise<void> {
  const before = withoutStaging(listing(host.root));
  await assert.rejects(host.offer(release), (error) => {
    assert.ok(error instanceof TsugiError, String((error as Error).stack));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    assert.equal(error.exitCode, 4);
    assert.match(error.hint, hint);
    return true;
  });
  assert.deepEqual(withoutStaging(listing(host.root)), before);
  await host.handler.verify("0.0.1", true);
  const { releases } = await host.handler.list();
  assert.deepEqual(
    releases.map(({ version, status }) => [version, status]),
    [["0.0.1", "permanent"]],
  );
}

test("a release that does not fit is refused before a byte is written", { skip }, async () => {
  using host = await smallHost("size=17m");
  const release = handmadeRelease("0.0.2", {
    "lib/wall-0.0.2/big": { bytes: Buffer.alloc(1 << 20) },
  });
  await refused(host, release, "TSUGI_DISK_FULL", /MB needed, \d+ MB free/, /^Make room: du /);
});

test("a prune is the remedy only where it would take something", { skip }, async () => {
  using host = await smallHost("size=17m");
  assert.match(
    await roomAt(host.layout),
    /^du -ah \S+ \| sort -h \| tail · which disk that is: df -h \S+$/,
  );
  await host.offer(handmadeRelease("0.0.2"));
  assert.match(await roomAt(host.layout), /bin\/wall prune --keep 1$/);
  await host.offer(handmadeRelease("0.0.3"));
  assert.match(await roomAt(host.layout), /bin\/wall prune --keep 2$/);
});

test("a disk that fills up in the middle leaves nothing of it", { skip }, async () => {
  using host = await smallHost("size=100m,nr_inodes=60");
  const files = Object.fromEntries(
    Array.from({ length: 80 }, (_, n) => [`lib/wall-0.0.2/${n}.js`, { bytes: `${n}` }]),
  );
  await refused(
    host,
    handmadeRelease("0.0.2", files),
    "TSUGI_UNPACK_FAILED",
    /ENOSPC/,
    /Make room: df -h/,
  );
});

test("a command that meets a disk without a byte left says that it is full, and what makes room", {
  skip,
}, async () => {
  using host = await smallHost("size=17m,nr_inodes=60");
  const { root, layout } = host;
  const filled = (path: string, size: number) => {
    try {
      writeFileSync(path, Buffer.alloc(size));
    } catch (error) {
      return error;
    }
  };
  const full = filled(join(root, "large"), 32 << 20);
  const said = async (error: unknown) => errorToJson(await refusedFile(error, root, "wall"));
  const { code, message, hint, exitCode } = await said(full);
  assert.deepEqual([code, exitCode], ["TSUGI_DISK_FULL", 1]);
  assert.equal(message, `Not enough space at ${root}: 1 MB needed, 0 MB free.`);
  assert.equal(hint, `Make room: ${await roomAt(layout)}`);
  // Room for bytes, and none for files.
  rmSync(join(root, "large"));
  let none: unknown;
  for (let n = 0; none === undefined; n += 1) none = filled(join(root, `${n}`), 0);
  assert.equal((await said(none)).code, "TSUGI_FILE_REFUSED");
  await assert.rejects(ensureFolder(join(root, "new", "folder")), { code: "ENOSPC" });
});

test("a command that meets a disk that can only be read says that it is the machine", async () => {
  const open = Object.assign(new Error("EROFS: read-only file system"), {
    code: "EROFS",
    path: "/srv/wall/releases/x",
  });
  const { code, hint } = errorToJson(await refusedFile(open, "/srv/wall", "wall"));
  assert.equal(code, "TSUGI_MACHINE_REFUSED");
  assert.match(hint, /^Its disk can only be read: findmnt -T \/srv\/wall · .*bin\/<app> doctor$/);
});
