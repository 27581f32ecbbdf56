/** Releases made by hand, down to the byte: for tests of what reads them. */
import type { KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import tar from "tar-stream";
import { canonicalJson, type Manifest, releaseIdOf, sha256 } from "../../src/release/manifest.ts";
import { signManifest } from "../../src/release/signature.ts";

export interface HandmadeFile {
  bytes?: string | Uint8Array;
  mode?: number;
  link?: string;
}

export interface HandmadeRelease {
  manifest: Manifest;
  manifestBytes: string;
  releaseId: string;
  files: Record<string, HandmadeFile>;
}

/** A release of `wall` with an app, a package tree, tsugi and a runtime of a few bytes each. */
export function handmadeRelease(
  version: string,
  extra: Record<string, HandmadeFile> = {},
  name = "wall",
): HandmadeRelease {
  const files: Record<string, HandmadeFile> = {
    [`bin/${name}`]: { bytes: "#!/bin/sh\n", mode: 0o755 },
    [`lib/${name}-${version}/app.mjs`]: { bytes: `export const version = "${version}";\n` },
    [`lib/${name}-${version}/node_modules`]: { link: "../packages-0a0b0c0d/node_modules" },
    "lib/packages-0a0b0c0d/node_modules/ms/index.js": { bytes: "module.exports = 1;\n" },
    "lib/tsugi-0.1.0/control.mjs": { bytes: "console.log('control');\n" },
    [`releases/${version}/config.json`]: { bytes: "{}\n" },
    [`releases/${version}/node.args`]: { bytes: "" },
    "runtime/node-20.20.0-linux-x64/bin/node": { bytes: "not really node\n", mode: 0o755 },
    ...extra,
  };
  const manifest: Manifest = {
    format: 1,
    name,
    version,
    kind: "node",
    runtime: { dir: "node-20.20.0-linux-x64", version: "20.20.0", platform: "linux-x64" },
    tsugi: { dir: "tsugi-0.1.0", version: "0.1.0" },
    components: [],
    processes: [{ name: "main", entry: "app.mjs", workers: 1, overlap: true }],
    states: [],
    usesHot: false,
    accepts: false,
    build: "compile",
    files: Object.entries(files)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, file]) => ({
        path,
        mode: file.link ? 0o777 : (file.mode ?? 0o644),
        size: file.link ? 0 : bytesOf(file).length,
        sha256: sha256(file.link ?? bytesOf(file)),
        ...(file.link ? { link: file.link } : {}),
      })),
  };
  return sealed(manifest, files);
}

/** The same release after its manifest was changed. */
export function sealed(manifest: Manifest, files: Record<string, HandmadeFile>): HandmadeRelease {
  const manifestBytes = canonicalJson(manifest);
  return { manifest, manifestBytes, releaseId: releaseIdOf(manifestBytes), files };
}

export const bytesOf = (file: HandmadeFile): Buffer => Buffer.from(file.bytes ?? "");

export interface RawEntry {
  name: string;
  type?: "file" | "symlink" | "link" | "directory" | "character-device" | "fifo";
  mode?: number;
  linkname?: string;
  bytes?: string | Uint8Array;
}

/** The entries of an honest tarball; a hostile one is this with something changed. */
export function entriesOf(release: HandmadeRelease, signature?: string): RawEntry[] {
  const own = `releases/${release.manifest.version}/release.json`;
  const rest = release.manifest.files.map((file): RawEntry => {
    const { link } = file;
    if (link !== undefined)
      return { name: file.path, type: "symlink", linkname: link, mode: 0o777 };
    return { name: file.path, mode: file.mode, bytes: bytesOf(release.files[file.path]!) };
  });
  return [
    { name: own, bytes: release.manifestBytes },
    ...(signature === undefined ? [] : [{ name: `${own}.sig`, bytes: signature }]),
    ...rest,
  ];
}

/** Packs entries as the build does: gzip members one after the other. */
export async function pack(entries: RawEntry[]): Promise<Buffer> {
  const stream = tar.pack();
  for (const entry of entries) {
    const { name, type = "file", mode = 0o644, linkname } = entry;
    const bytes = Buffer.from(entry.bytes ?? "");
    const header = { name, type, mode, mtime: new Date(0), uid: 0, gid: 0 };
    stream.entry({ ...header, ...(linkname ? { linkname } : {}) }, type === "file" ? bytes : "");
  }
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const plain = Buffer.concat(chunks);
  const members: Buffer[] = [];
  for (let at = 0; at < plain.length; at += 1536) {
    members.push(gzipSync(plain.subarray(at, at + 1536)));
  }
  return Buffer.concat(members);
}

export async function writeTarball(path: string, release: HandmadeRelease): Promise<string> {
  writeFileSync(path, await pack(entriesOf(release)));
  return path;
}

/** A tarball with a signature put behind its manifest; of other text, one that does not fit. */
export async function signTarball(tarball: Buffer, key: KeyObject, text?: string): Promise<Buffer> {
  const plain = gunzipSync(tarball);
  const name = plain.toString("utf8", 0, plain.indexOf(0));
  const size = Number.parseInt(plain.toString("latin1", 124, 136), 8);
  const manifest = plain.toString("utf8", 512, 512 + size);
  const end = 512 + Math.ceil(size / 512) * 512;
  const bytes = signManifest(text ?? manifest, key);
  const entry = gunzipSync(await pack([{ name: `${name}.sig`, bytes }])).subarray(0, -1024);
  return gzipSync(Buffer.concat([plain.subarray(0, end), entry, plain.subarray(end)]), {
    level: 1,
  });
}

export interface TemporaryFolder {
  path: string;
  at(...parts: string[]): string;
  [Symbol.dispose](): void;
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "tsugi-test-"));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
