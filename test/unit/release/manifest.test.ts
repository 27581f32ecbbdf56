import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalJson,
  hashFiles,
  isSafeLink,
  isSafePath,
  type ManifestFile,
  parseManifest,
  releaseIdOf,
} from "../../../src/release/manifest.ts";
import { manifestOf } from "../../helpers/manifests.ts";

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const file = (changes: Partial<ManifestFile> = {}): ManifestFile => ({
  path: "lib/wall-1.0.0/server.js",
  mode: 0o644,
  size: 3,
  sha256: "c".repeat(64),
  ...changes,
});

test("the order of keys does not change a release's id", () => {
  const { format, name, ...rest } = manifestOf();
  const reordered = { ...rest, name, format };
  assert.equal(releaseIdOf(canonicalJson(reordered)), releaseIdOf(canonicalJson(manifestOf())));
});

test("a manifest is read back as it was written, unknown keys ignored", () => {
  const bytes = canonicalJson({ ...manifestOf({ files: [file()] }), later: "something new" });
  assert.equal(parseManifest(bytes, "release.json").version, "1.0.0");
});

test("an unknown format is refused as such", () => {
  const bytes = JSON.stringify({ ...manifestOf(), format: 2 });
  assert.equal(
    codeOf(() => parseManifest(bytes, "release.json")),
    "TSUGI_FORMAT_UNKNOWN",
  );
});

for (const [what, bytes] of Object.entries({
  "text that is not JSON": "{",
  "a JSON null": "null",
  "a list of files that is not a list": JSON.stringify({ ...manifestOf(), files: {} }),
  "a file that leaves the tree": canonicalJson(
    manifestOf({ files: [file({ path: "../etc/env" })] }),
  ),
  "an absolute file": canonicalJson(manifestOf({ files: [file({ path: "/etc/passwd" })] })),
  "a link that leaves the tree": canonicalJson(
    manifestOf({ files: [file({ link: "../../../etc" })] }),
  ),
  "a version that is a path": canonicalJson(manifestOf({ version: "../1.0.0" })),
  "a runtime folder that is a path": canonicalJson(
    manifestOf({ runtime: { dir: "../bin", version: "24.21.0", platform: "linux-x64" } }),
  ),
})) {
  test(`${what} is refused`, () => {
    const code = codeOf(() => parseManifest(bytes, "release.json"));
    assert.match(code, /TSUGI_MANIFEST_INVALID|TSUGI_FORMAT_UNKNOWN/);
  });
}

test("paths and links are judged from the root of the tree", () => {
  assert.ok(isSafePath("lib/wall-1.0.0/a b.js"));
  for (const path of ["", "/a", "a//b", "a/./b", "a/../b", "a\\b", "a\0b"]) {
    assert.ok(!isSafePath(path), JSON.stringify(path));
  }
  assert.ok(isSafeLink("lib/wall-1.0.0/node_modules", "../packages-1234/node_modules"));
  assert.ok(!isSafeLink("lib/a", "../../outside"));
  assert.ok(!isSafeLink("a", "/etc"));
});

test("the hash of a folder does not depend on where the folder stands", () => {
  const at = (dir: string) => hashFiles([file({ path: `${dir}/a.js` })], dir);
  assert.equal(at("lib/wall-1.0.0"), at("lib/wall-1.1.0"));
  assert.notEqual(hashFiles([file({ mode: 0o755 })]), hashFiles([file()]));
});
