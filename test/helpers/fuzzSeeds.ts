/**
 * The part of the corpus that was thought of, not found: `npm run long -- fuzz seeds` writes it anew, which is
 * needed only when a format changes. Each file is named by what has to become of it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { DELTA_MAGIC, type DeltaHeader, SECTIONS } from "../../src/release/delta.ts";
import { corpusFolder } from "./fuzzCorpus.ts";
import { FuzzedHost, honestDelta } from "./fuzzUnpack.ts";
import {
  bytesOf,
  entriesOf,
  type HandmadeFile,
  handmadeRelease,
  pack,
  type RawEntry,
  sealed,
} from "./handmadeRelease.ts";
import { ambiguous } from "./rawTar.ts";

const release = handmadeRelease("0.0.2");
const honest = entriesOf(release);
const APP = "lib/wall-0.0.2/app.mjs";

const change = (find: string, by: Partial<RawEntry>) =>
  honest.map((entry) => (entry.name === find ? { ...entry, ...by } : entry));
const add = (entry: RawEntry) => [...honest, entry];

/** Entries that disagree with an honest manifest. */
const ENTRIES: Record<string, RawEntry[]> = {
  "path-climbs": add({ name: "../evil", bytes: "x" }),
  "path-absolute": add({ name: "/tmp/evil", bytes: "x" }),
  "path-unnamed": add({ name: "lib/wall-0.0.2/evil.js", bytes: "x" }),
  device: change(APP, { type: "character-device", bytes: "" }),
  fifo: add({ name: "lib/wall-0.0.2/pipe", type: "fifo" }),
  "hard-link": change(APP, { type: "link", linkname: "/etc/passwd", bytes: "" }),
  "link-for-file": change(APP, { type: "symlink", linkname: "/etc/passwd", bytes: "" }),
  "link-elsewhere": change("lib/wall-0.0.2/node_modules", { linkname: "../../../../etc" }),
  "link-then-below": [
    honest[0]!,
    { name: "lib/wall-0.0.2", type: "symlink", linkname: "/tmp" },
    ...honest.slice(1),
  ],
  setuid: change(APP, { mode: 0o4755 }),
  "other-bytes": change(APP, { bytes: Buffer.from(bytesOf(release.files[APP]!)).fill("x") }),
  "more-bytes": change(APP, { bytes: "x".repeat(100_000) }),
  twice: [...honest, honest.at(-1)!],
  "case-collision": add({ name: "lib/wall-0.0.2/APP.mjs", bytes: "x" }),
  "file-missing": honest.slice(0, -1),
  "manifest-missing": honest.slice(1),
  "manifest-last": [...honest.slice(1), honest[0]!],
  "empty-folder": add({ name: "var/evil", type: "directory", mode: 0o755 }),
};

/** Manifests that agree with their files. */
const MANIFESTS: Record<string, Record<string, HandmadeFile>> = {
  etc: { "etc/trusted_keys": { bytes: "x" } },
  permanent: { "releases/permanent": { bytes: "x" } },
  "another-release": { "releases/0.0.1/config.json": { bytes: "x" } },
  "another-runtime": { "runtime/node-99.0.0-linux-x64/bin/node": { bytes: "x" } },
  "another-command": { "bin/sh": { bytes: "x" } },
  "below-link": {
    "lib/wall-0.0.2/x": { link: "../wall-0.0.1" },
    "lib/wall-0.0.2/x/app.mjs": { bytes: "x" },
  },
  "unicode-forms": {
    "lib/wall-0.0.2/\u00e1": { bytes: "x" },
    "lib/wall-0.0.2/a\u0301": { bytes: "y" },
  },
  setuid: { "lib/wall-0.0.2/su": { bytes: "x", mode: 0o4755 } },
  "link-out": { "lib/wall-0.0.2/x": { link: "../../../etc" } },
  "link-absolute": { "lib/wall-0.0.2/x": { link: "/etc" } },
  climbs: { "lib/../../x": { bytes: "x" } },
};

async function tarballs(): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {};
  for (const [name, entries] of Object.entries(ENTRIES)) {
    found[`refused-${name}`] = await pack(entries);
  }
  for (const [name, extra] of Object.entries(MANIFESTS)) {
    found[`refused-manifest-${name}`] = await pack(entriesOf(handmadeRelease("0.0.2", extra)));
  }
  const newer = sealed({ ...release.manifest, format: 9 as 1 }, release.files);
  const whole = await pack(honest);
  const plain = gunzipSync(whole);
  const behind = (bytes: Uint8Array) => gzipSync(Buffer.concat([plain, bytes]), { level: 9 });
  const late = gunzipSync(await pack([{ name: "lib/wall-0.0.2/late", bytes: "x" }]));
  const blank = { name: "releases/0.0.2/release.json", bytes: Buffer.alloc(70_000_000, " ") };
  for (const [name, bytes] of Object.entries(ambiguous(plain, APP))) {
    found[`refused-${name}`] = bytes;
  }
  const member = gzipSync(Buffer.concat([late, Buffer.alloc(1024)]));
  return {
    ...found,
    "refused-member-behind-zeros": Buffer.concat([whole, Buffer.alloc(512), member]),
    "whole-zeros-behind": Buffer.concat([
      gzipSync(Buffer.concat([plain, Buffer.alloc(9216)])),
      Buffer.alloc(100),
    ]),
    "whole-honest": whole,
    "whole-plain": plain,
    "refused-format": await pack(entriesOf(newer)),
    "refused-truncated": whole.subarray(0, whole.length * 0.8),
    "refused-truncated-end": whole.subarray(0, -4),
    "refused-truncated-manifest": whole.subarray(0, 300),
    "refused-empty": Buffer.alloc(0),
    "refused-text": Buffer.from("<html>404</html>"),
    "refused-garbage-behind-gzip": Buffer.concat([whole, Buffer.from("garbage")]),
    "refused-garbage-behind-tar": behind(Buffer.alloc(600, "g")),
    "refused-short-garbage-behind-tar": behind(Buffer.from("short")),
    "refused-entry-behind-end": behind(late),
    "refused-bomb-zeros-behind": behind(Buffer.alloc(60_000_000)),
    "refused-bomb-manifest": gzipSync(gunzipSync(await pack([blank])), { level: 9 }),
    "refused-delta-as": (await honestDelta()).bytes,
  };
}

async function deltas(): Promise<Record<string, Buffer>> {
  const { bytes } = await honestDelta();
  const end = bytes.indexOf("\n", DELTA_MAGIC.length);
  const header = JSON.parse(bytes.toString("utf8", DELTA_MAGIC.length, end)) as DeltaHeader;
  const withHeader = (changes: Partial<DeltaHeader>) =>
    sealedDelta({ ...header, ...changes }, bytes.subarray(end + 1));
  /** Of a manifest that has 100 bytes. */
  const withControl = (control: number[], literals = Buffer.alloc(0)) => {
    const parts = [Buffer.from(control), Buffer.alloc(0), literals].map((part) =>
      brotliCompressSync(part),
    );
    const sections = { ...header.sections };
    SECTIONS.forEach((name, index) => {
      sections[name] = parts[index]!.length;
    });
    return sealedDelta({ ...header, sections }, Buffer.concat(parts));
  };
  const [base] = header.bases;
  return {
    "whole-honest": bytes,
    "refused-truncated": bytes.subarray(0, -3),
    "refused-garbage-behind": Buffer.concat([bytes, Buffer.from("x")]),
    "refused-no-header": Buffer.from(DELTA_MAGIC),
    "refused-tarball-as": await pack(honest),
    "refused-base-unknown": withHeader({ bases: [{ ...base!, releaseId: "0".repeat(64) }] }),
    "refused-base-climbs": withHeader({ bases: [{ ...base!, version: "../../etc" }] }),
    "refused-other-app": withHeader({ name: "fence" }),
    "refused-other-release-id": withHeader({ releaseId: "f".repeat(64) }),
    // size, regions, base, file; then for each region: new bytes, length, place
    "refused-copy-out-of-range": withControl([100, 1, 0, 0, 0, 100, 255, 255, 3]),
    "refused-copy-before-start": withControl([100, 1, 0, 0, 0, 100, 1]),
    "refused-copy-of-file-outside": withControl([100, 1, 0, 120, 0, 100, 0]),
    "refused-base-number-outside": withControl([100, 1, 7, 0, 0, 100, 0]),
    "refused-empty-regions": withControl([100, 255, 255, 127, 0, 0, ...Array(300).fill(0)]),
    "refused-wrong-result": withControl([100, 0], Buffer.alloc(100, "x")),
    "refused-bomb-manifest": withControl([255, 255, 255, 255, 127, 0], Buffer.alloc(80_000_000)),
    "refused-number-without-end": withControl(Array(50).fill(255)),
  };
}

const sealedDelta = (header: DeltaHeader, rest: Buffer) =>
  Buffer.concat([Buffer.from(`${DELTA_MAGIC}${JSON.stringify(header)}\n`), rest]);

/** Each is offered once before it is written: a seed that ends otherwise than its name says is a mistake. */
export async function writeSeeds(): Promise<void> {
  using host = await FuzzedHost.create();
  const kinds: [string, Record<string, Buffer>][] = [
    [".tar.gz", await tarballs()],
    [".delta", await deltas()],
  ];
  for (const [ending, seeds] of kinds) {
    for (const [name, bytes] of Object.entries(seeds)) {
      const { outcome, problem } = await host.offer({ bytes, delta: ending === ".delta" });
      assert.equal(outcome, name.split("-")[0], `${name}${ending}: ${problem}`);
      writeFileSync(join(corpusFolder, `${name}${ending}`), bytes);
    }
  }
}
