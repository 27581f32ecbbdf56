/** What a host says of itself, and of an upgrade: as `bin/<app> --json` prints it, for hosts that are played. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorToJson, TsugiError } from "../../../src/contract/errors.ts";
import { readManifest } from "../../../src/pack/inspect.ts";
import type { Status, UpgradeReport, UpgradeResult } from "../../../src/protocol/report.ts";
import { canonicalJson, type Manifest, releaseIdOf } from "../../../src/release/manifest.ts";
import type { ReleaseEntry } from "../../../src/release/status.ts";
import { unitHash, unitsOf } from "../../../src/release/units.ts";
import { partedTarball } from "../partedTarball.ts";

export interface Played {
  version: string;
  releaseId: string;
  manifest: Manifest;
  tarball: string;
}

/** Small ones: how long bytes are under way is arithmetic (docs/scale.md). */
export async function playedReleases(folder: string, versions: string[]): Promise<Played[]> {
  const played = versions.map(async (version) => {
    const tarball = join(folder, `wall-${version}.tar.gz`);
    await partedTarball(tarball, version);
    const manifest = await readManifest(tarball);
    return { version, releaseId: releaseIdOf(canonicalJson(manifest)), manifest, tarball };
  });
  return Promise.all(played);
}

const SINCE = "2026-01-01T00:00:00.000Z";

export function statusOf({ version, releaseId }: Pick<Played, "version" | "releaseId">): Status {
  const slot = { pid: 4711, generation: 1, node: "24.21.0", restarts: 0, rssBytes: 60_000_000 };
  return {
    ...{ name: "wall", version, releaseId, status: "permanent", since: SINCE },
    processes: [{ name: "main", slots: [{ ...slot, healthy: true, version }] }],
    ...{ etcChanged: false, upgrade: null, leftovers: [], logDropped: 0 },
  };
}

function inventoryOf({ version, releaseId, manifest }: Played) {
  const status = "permanent" as const;
  const release: ReleaseEntry = { version, releaseId, status, verified: true, since: SINCE };
  const folders = unitsOf(manifest).map((unit) => ({
    folder: unit.folder,
    fileCount: unit.files.length,
    bytes: unit.files.reduce((sum, { size }) => sum + size, 0),
    hash: unitHash(unit),
  }));
  return { format: 1, name: "wall", platform: "linux-x64", releases: [release], folders };
}

function reportOf(to: string, result: UpgradeResult): UpgradeReport {
  const report: UpgradeReport = {
    ...{ format: 1, from: "1.0.0", to, strategy: "handoff", reasons: [], at: SINCE, steps: [] },
    ...{ pauseMs: 40, quietMs: { p50: 0, p99: 0, max: 0 } },
    requests: { waited: 0, underWay: 0 },
    connections: { carried: 0, drained: 0, lost: 0 },
    ...{ states: [], leftovers: [], result },
  };
  if (result === "committed") return report;
  const problem = "its health check says no";
  const details = { version: to, problem, previous: "the old version", bin: "bin/wall" };
  return { ...report, error: errorToJson(new TsugiError("TSUGI_UNHEALTHY", details)) };
}

/** One file for each answer of app.sh. */
export function writeAnswers(folder: string, releases: Played[]): void {
  for (const release of releases) {
    const { version, releaseId, manifest } = release;
    const { runtime, tsugi } = manifest;
    const answers = {
      permanent: `${version} ${releaseId} ${runtime.dir} ${tsugi.dir}`,
      inventory: JSON.stringify(inventoryOf(release)),
      status: JSON.stringify(statusOf(release)),
      committed: JSON.stringify(reportOf(version, "committed")),
      "handed-back": JSON.stringify(reportOf(version, "handed-back")),
      "release.json": canonicalJson(manifest),
    };
    for (const [name, text] of Object.entries(answers)) {
      writeFileSync(join(folder, `${name}.${version}`), `${text}\n`);
    }
    // Its hash is the releaseId, to the byte.
    writeFileSync(join(folder, `release.json.${version}`), canonicalJson(manifest));
  }
}
