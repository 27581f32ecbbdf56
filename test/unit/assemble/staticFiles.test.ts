/** What `files` of the configuration packs, and which links it follows. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { staticFiles } from "../../../src/assemble/staticFiles.ts";
import { readSource } from "../../../src/pack/fileSet.ts";
import type { BuildLog } from "../../../src/pack/log.ts";
import type { Project } from "../../../src/pack/project.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

/** A project with one file in `public/`, and a secret beside it. */
function project() {
  const at = temporaryFolder();
  const folder = join(at.path, "project");
  mkdirSync(join(folder, "public", "deep"), { recursive: true });
  writeFileSync(join(folder, "public", "deep", "page.html"), "page");
  writeFileSync(join(at.path, "shadow"), "root:x");
  mkdirSync(join(at.path, "elsewhere"));
  writeFileSync(join(at.path, "elsewhere", "a.txt"), "a");
  const log = { guess: () => {} } as unknown as BuildLog;
  const pack = (...globs: string[]) =>
    staticFiles({ folder } as Project, globs, "own", new Map(), log);
  const guessed = () => staticFiles({ folder } as Project, undefined, "compile", new Map(), log);
  return { folder, pack, guessed, [Symbol.dispose]: at[Symbol.dispose] };
}

describe("files", () => {
  for (const [what, target, problem] of [
    [
      "to a file outside, by a relative path",
      "../../shadow",
      /public\/x is a link that leaves the project, to .*shadow/,
    ],
    [
      "to a file outside, by an absolute path",
      "/etc/passwd",
      /public\/x .* leaves the project, to \/etc\/passwd/,
    ],
    ["to a folder outside", "../../elsewhere", /public\/x .* leaves the project/],
    ["to a folder", "deep", /public\/x is a link to a folder/],
    ["that dangles", "gone.html", /public\/x is a link that leads nowhere/],
    ["that leads to itself", "x", /public\/x is a link that leads nowhere/],
    ["to a device", "/dev/zero", /public\/x .* leaves the project/],
  ] as const) {
    test(`a link ${what} is refused by its name`, async () => {
      using at = project();
      symlinkSync(target, join(at.folder, "public", "x"));
      for (const glob of ["public", "public/**", "public/x", "**/x"])
        await assert.rejects(at.pack(glob), { code: "TSUGI_FILES_LINK", message: problem }, glob);
      const left = await at.pack("public/**", "!public/x");
      assert.deepEqual(
        left.map(({ path }) => path),
        ["public/deep/page.html"],
      );
    });
  }

  test("a folder that is a link is named, not said to have nothing in it", async () => {
    using at = project();
    symlinkSync("../elsewhere", join(at.folder, "data"));
    symlinkSync("public", join(at.folder, "web"));
    const refused = (message: RegExp) => ({ code: "TSUGI_FILES_LINK", message });
    await assert.rejects(at.pack("data"), refused(/data is a link that leaves the project/));
    await assert.rejects(at.pack("data/a.txt"), refused(/data is a link that leaves the project/));
    await assert.rejects(at.pack("web/**"), refused(/web is a link to a folder/));
    await assert.rejects(at.pack("nothing/**"), { code: "TSUGI_FILES_MISSING" });
  });

  test("nor does a folder that is packed for its name lead out of the project", async () => {
    using at = project();
    symlinkSync("deep", join(at.folder, "public", "inside"));
    const paths = (await at.guessed()).map(({ path }) => path);
    assert.deepEqual(paths, ["public/deep/page.html", "public/inside"]);
    symlinkSync("../../shadow", join(at.folder, "public", "x"));
    const refused = (message: RegExp) => ({ code: "TSUGI_FILES_LINK", message });
    await assert.rejects(at.guessed(), refused(/public\/x is a link that leaves the project/));
    rmSync(join(at.folder, "public"), { recursive: true });
    symlinkSync("../elsewhere", join(at.folder, "public"));
    await assert.rejects(at.guessed(), refused(/public is a link that leaves the project/));
  });

  test("a link to a file of the project is packed as that file", async () => {
    using at = project();
    symlinkSync("deep/page.html", join(at.folder, "public", "index.html"));
    const found = await at.pack("public/*.html");
    assert.deepEqual(
      found.map(({ path, source }) => [path, Buffer.from(readSource(source)).toString()]),
      [["public/index.html", "page"]],
    );
  });
});
