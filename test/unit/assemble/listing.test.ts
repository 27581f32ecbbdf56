/** What `tsugi release --list` says of a project, and that it leaves it as it was. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { listRelease, oddness } from "../../../src/assemble/listing.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const PEM = String(privateKey.export({ type: "pkcs8", format: "pem" }));

function project(files: Record<string, string>) {
  const folder = temporaryFolder();
  const manifest = { name: "shop", version: "1.0.0", type: "module" };
  const all = { "package.json": JSON.stringify(manifest), ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(folder.at(path)), { recursive: true });
    writeFileSync(folder.at(path), text);
  }
  return folder;
}

function told() {
  const notes: string[] = [];
  const nothing = () => {};
  return {
    notes,
    report: {
      ...{ step: nothing, guess: nothing, warn: nothing },
      note: (text: string) => notes.push(text),
    },
  };
}

test("of what is compiled the sources are listed, beside the files and packages that would be packed", async () => {
  using folder = project({
    "package.json": '{"name":"shop","version":"1.0.0","dependencies":{"left":"1"}}',
    "node_modules/left/package.json": '{"name":"left","version":"1.2.3"}',
    "node_modules/left/index.js": "0;",
    "src/server.ts": 'import "./other.ts";\n',
    "src/other.ts": "export const one: number = 1;\n",
    "src/never.ts": "",
    "public/index.html": "hi",
    "public/.htpasswd": "x",
    "public/tls.pem": PEM,
    ".env": "A=1",
  });
  const { notes, report } = told();
  const listing = await listRelease({ folder: folder.at(".") }, report);
  assert.deepEqual([listing.name, listing.build], ["shop", "compile"]);
  assert.deepEqual(
    listing.compiled.map(({ path }) => path),
    ["src/other.ts", "src/server.ts"],
  );
  assert.deepEqual(
    listing.files.map(({ path, odd }) => [path, odd]),
    [
      ["package.json", undefined],
      ["public/.htpasswd", "holds passwords"],
      ["public/index.html", undefined],
      ["public/tls.pem", "holds a private key"],
    ],
  );
  assert.deepEqual(listing.packages, [{ name: "left", version: "1.2.3", files: 2, bytes: 35 }]);
  assert.match(notes.join("\n"), /\.env is not packed/);
  assert.ok(!existsSync(folder.at(".tsugi")) && !existsSync(folder.at(".node-version")));
});

test("of a project with a build script what lies there is listed, and the script is not run", async () => {
  using folder = project({
    "package.json":
      '{"name":"shop","version":"1.0.0","main":"dist/server.js","scripts":{"build":"touch ran"}}',
    "dist/server.js": "0;",
    "dump.sql": "",
    "notes.txt~": "",
  });
  const { notes, report } = told();
  const { build, files, compiled } = await listRelease({ folder: folder.at(".") }, report);
  assert.equal(build, "own");
  assert.deepEqual(compiled, []);
  assert.deepEqual(
    files.map(({ path, odd }) => [path, odd]),
    [
      ["dist/server.js", undefined],
      ["dump.sql", "is a dump, a log or an archive"],
      ["package.json", undefined],
    ],
  );
  assert.match(notes.join("\n"), /build script is not run/);
  assert.match(notes.join("\n"), /notes\.txt~ is not packed/);
  assert.ok(!existsSync(folder.at("ran")));
});

test("odd is what a name or a size says of it", () => {
  const odd: [path: string, bytes: number, why: RegExp][] = [
    ["public/.hidden/x", 1, /dot/],
    ["views/index.html.orig", 1, /backup/],
    ["config copy.json", 1, /backup/],
    ["public/film.mp4", 5_000_001, /5 MB/],
    ["data/all.tar.gz", 1, /archive/],
  ];
  for (const [path, bytes, why] of odd) assert.match(oddness(path, bytes) ?? "", why, path);
  for (const path of ["src/copy.ts", "a.b.js", "photocopy.png", "public/film.mp4"])
    assert.equal(oddness(path, 5_000_000), undefined, path);
});
