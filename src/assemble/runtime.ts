/**
 * The Node runtime of a release, from the cache or from its source. A cached runtime is used only
 * while it is what was recorded when it came: by size and times each time (cheap), by SHA-256 as
 * soon as those differ, and for every release that is signed.
 */
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { cachePath, fillFolder, touch, writeWhole } from "../pack/cache.ts";
import type { PackedGroup } from "../pack/fileSet.ts";
import { byPath, seenAt } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { runtimeDirName } from "../release/layout.ts";
import { type ManifestFile, sha256 } from "../release/manifest.ts";
import { factsOfBinary, runtimeFromBinary } from "./runtimeSources/binary.ts";
import { runtimeFromMirror } from "./runtimeSources/mirror.ts";
import { runtimeFromNpm } from "./runtimeSources/npm.ts";

export interface Runtime {
  dir: string;
  version: string;
  platform: string;
  /** The binary on this machine. */
  node: string;
  group: PackedGroup;
}

interface Recorded {
  files: { name: string; mode: number; size: number; sha256: string; seen: string }[];
}

/** `from`: npm, an https mirror, or the path of a binary. @throws TSUGI_RUNTIME_UNAVAILABLE */
export async function obtainRuntime(
  wanted: { version: string; platform: string; from: string; isSigned?: boolean },
  folder: string,
  log: BuildLog,
): Promise<Runtime> {
  const { version, platform, from, isSigned = false } = wanted;
  const dir = runtimeDirName(version, platform);
  const isBinary = from.startsWith("/");
  // A binary of one's own may differ from the official one of the same version.
  const place = isBinary
    ? cachePath("runtimes", `${dir}-own-${sha256(from).slice(0, 12)}`)
    : cachePath("runtimes", dir);
  const fromBinary = isBinary ? seenAt(from) : undefined;
  const whole = () => readRecorded(place, fromBinary, isSigned);
  const recorded = await whole();
  if (recorded !== undefined) {
    await touch(place);
    return runtimeOf(place, dir, version, platform, recorded);
  }
  log.step(`Node ${version} for ${platform} from ${from}`);
  const isWhole = async () => (await whole()) !== undefined;
  await fillFolder(place, isWhole, (temporary) => fetchInto(temporary, wanted, folder, fromBinary));
  const fresh = await whole();
  if (fresh !== undefined) return runtimeOf(place, dir, version, platform, fresh);
  throw new TsugiError("TSUGI_RUNTIME_UNAVAILABLE", {
    version,
    platform,
    from,
    problem: `what was written to ${place} cannot be read back`,
  });
}

/** What the version of a runtime is when its source is a binary; else as wanted. */
export async function runtimeFacts(from: string, version: string, platform: string) {
  return from.startsWith("/") ? factsOfBinary(from) : { version, platform };
}

async function fetchInto(
  target: string,
  { version, platform, from }: { version: string; platform: string; from: string },
  folder: string,
  fromBinary: string | undefined,
): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), "tsugi-runtime-"));
  try {
    const files = from.startsWith("/")
      ? runtimeFromBinary(from)
      : from === "npm"
        ? await runtimeFromNpm(version, platform, folder, temporary)
        : await runtimeFromMirror(from, version, platform, temporary);
    if (!files.has("bin/node")) {
      const problem = "it holds no bin/node";
      throw new TsugiError("TSUGI_RUNTIME_UNAVAILABLE", { version, platform, from, problem });
    }
    const recorded: Recorded = { files: [] };
    for (const [name, bytes] of files) {
      const file = join(target, name);
      const mode = name === "bin/node" ? 0o755 : 0o644;
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
      await chmod(file, mode);
      recorded.files.push({
        name,
        mode,
        size: bytes.length,
        sha256: sha256(bytes),
        seen: seenAt(file),
      });
    }
    await writeFile(join(target, "recorded.json"), JSON.stringify({ ...recorded, fromBinary }));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** `isHashed`: whatever the times of its files say. */
async function readRecorded(
  place: string,
  fromBinary: string | undefined,
  isHashed: boolean,
): Promise<Recorded | undefined> {
  try {
    const path = join(place, "recorded.json");
    const recorded = JSON.parse(readFileSync(path, "utf8")) as Recorded & { fromBinary?: string };
    if (recorded.fromBinary !== fromBinary) return undefined;
    let changed = false;
    for (const file of recorded.files) {
      const seen = seenAt(join(place, file.name));
      if (seen === file.seen && !isHashed) continue;
      if ((await sha256OfFile(join(place, file.name))) !== file.sha256) return undefined;
      file.seen = seen;
      changed = true;
    }
    if (changed) await writeWhole(path, JSON.stringify(recorded));
    return recorded;
  } catch {
    return undefined;
  }
}

function runtimeOf(
  place: string,
  dir: string,
  version: string,
  platform: string,
  recorded: Recorded,
): Runtime {
  const all = recorded.files
    .map((file) => ({ ...file, path: `runtime/${dir}/${file.name}` }))
    .sort(byPath);
  const entries: ManifestFile[] = all.map(({ path, mode, size, sha256 }) => {
    return { path, mode, size, sha256 };
  });
  const files = all.map(({ path, mode, name, seen }) => ({
    ...{ path, mode },
    source: { file: join(place, name), seen },
  }));
  const group = { files, entries, stable: true };
  return { dir, version, platform, node: join(place, "bin", "node"), group };
}
