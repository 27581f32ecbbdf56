/** Every file of every release that is here against its manifest, and each manifest against the keys. */
import { checkSignature, differences, firstStranger } from "../../handler/verify.ts";
import { exists, readIfThere } from "../../platform/files.ts";
import type { Finding } from "../../protocol/documents.ts";
import type { Layout } from "../../release/layout.ts";
import { type Manifest, type ManifestFile, parseManifest } from "../../release/manifest.ts";
import type { Context } from "../context.ts";
import { count } from "../output.ts";
import { findingOf, type Seen } from "./seen.ts";

/** Of one release; the rest is counted. */
const SHOWN = 3;

export async function checkFiles(context: Context, isLate: () => boolean): Promise<Seen> {
  const { layout } = context;
  const handler = await context.handler();
  const versions = (await handler.list()).releases.map(({ version }) => version);
  const permanent = (await handler.permanent())?.version;
  const findings: Finding[] = [];
  if (permanent !== undefined && !versions.includes(permanent)) {
    const problem = `releases/permanent names ${permanent}, which is not here.`;
    findings.push({ problem, remedy: remedyFor(layout, permanent) });
  }
  // What releases share is read once.
  const seen = new Set<string>();
  for (const version of versions) {
    const manifest = await manifestOf(layout, version).catch((error) => findingOf(error));
    if (!("files" in manifest)) findings.push(manifest);
    else findings.push(...(await problemsOf(layout, manifest, seen, isLate)));
  }
  return { note: `${count(seen.size, "file")} of ${count(versions.length, "release")}`, findings };
}

/** Signed, too, where that is asked for. */
async function manifestOf(layout: Layout, version: string): Promise<Manifest> {
  const path = layout.release(version);
  const bytes = (await readIfThere(path.manifest)) ?? "";
  const manifest = parseManifest(bytes, path.manifest);
  const signature = await readIfThere(path.signature);
  await checkSignature(layout, { manifest, manifestBytes: bytes, signature });
  return manifest;
}

async function problemsOf(
  layout: Layout,
  manifest: Manifest,
  seen: Set<string>,
  isLate: () => boolean,
): Promise<Finding[]> {
  const { root } = layout;
  const remedy = remedyFor(layout, manifest.version);
  const findings: Finding[] = [];
  if (await exists(layout.trustedKeys)) {
    const stranger = await firstStranger(root, manifest);
    const problem = `${root}/${stranger} is not among what was signed.`;
    if (stranger !== undefined) findings.push({ problem, remedy: `rm -r ${root}/${stranger}` });
  }
  let differing = 0;
  for await (const { path, problem } of differences(root, unseen(manifest.files, seen, isLate))) {
    differing += 1;
    if (differing > SHOWN) continue;
    findings.push({ problem: `${root}/${path}: ${problem}.`, remedy });
  }
  const more = differing - SHOWN;
  if (more > 0) findings.push({ problem: `${count(more, "more file")} of it.`, remedy });
  if (isLate()) findings.push({ problem: `Time was over in ${manifest.version}.`, remedy: SLOW });
  return findings;
}

const SLOW = "Look at the disk, which is slow (iostat, dmesg), then again";

function* unseen(
  files: readonly ManifestFile[],
  seen: Set<string>,
  isLate: () => boolean,
): Generator<ManifestFile> {
  for (const file of files) {
    if (seen.has(file.path) || isLate()) continue;
    seen.add(file.path);
    yield file;
  }
}

const remedyFor = ({ name, root }: Layout, version: string): string =>
  `Extract ${version} again: tar xzf ${name}.tar.gz -C ${root}`;
