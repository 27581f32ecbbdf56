/** The release that is to be deployed: one that is named, or this project, built. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { deltaFor } from "../assemble/delta.ts";
import { loadConfig } from "../config/load.ts";
import { defined } from "../contract/checks.ts";
import type { ToolOptions } from "../contract/commands/tool.ts";
import { TsugiError } from "../contract/errors.ts";
import type { Artefact } from "../deploy/index.ts";
import { openHead, verifyRelease } from "../pack/inspect.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { packManifest } from "../release/delta.ts";
import type { Delta } from "../release/deltaMake.ts";
import { releaseIdOf } from "../release/manifest.ts";
import { logged } from "./buildLog.ts";
import { appName } from "./fleet.ts";
import type { AnyRequest } from "./releasing.ts";
import { sourceOf, withStored } from "./stores.ts";

export interface ArtefactSource {
  /** Of the release. */
  name: string;
  /** Builds it, where it is not there yet. */
  obtain: () => Promise<Artefact>;
}

/** Calls with the release; what was fetched for it is gone afterwards. */
export async function withArtefact<T>(
  folder: string,
  named: string | undefined,
  options: ToolOptions<"deploy">,
  body: (source: ArtefactSource) => Promise<T>,
): Promise<T> {
  if (named === undefined) return withBuild(folder, options, body);
  if (options.git !== undefined || options.ref !== undefined) {
    const problem = "either a release that is built already, or --git and --ref, not both";
    throw new TsugiError("TSUGI_USAGE", { problem, help: "tsugi help deploy" });
  }
  const { configuredStore, parsePlace } = await import("../store/index.ts");
  const place = parsePlace(named);
  if (place.kind === "host") throw new TsugiError("TSUGI_REFERENCE_INVALID", { text: named });
  if (place.kind === "path")
    return body(present(await artefactOf(sourceOf(resolve(place.path), "deploy <environment>"))));
  const temporary = mkdtempSync(join(tmpdir(), "tsugi-pulled-"));
  try {
    const target = join(temporary, "release.tar.gz");
    const store = place.store ?? (await configuredStore(folder, options.config));
    await withStored({ ...place, store }, (opened, stored) => opened.pull(stored, { target }));
    return await body(present(await artefactOf(target)));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const present = (artefact: Artefact): ArtefactSource => ({
  name: artefact.manifest.name,
  obtain: async () => artefact,
});

async function withBuild<T>(
  folder: string,
  options: ToolOptions<"deploy">,
  body: (source: ArtefactSource) => Promise<T>,
): Promise<T> {
  const out = options.dryRun ? mkdtempSync(join(tmpdir(), "tsugi-dry-")) : undefined;
  const obtain = async () => artefactOf(await build(folder, options, out));
  try {
    // What a repository elsewhere is called is known when it was cloned.
    if (options.git !== undefined) return await body(present(await obtain()));
    const { config, file } = await loadConfig(folder, options.config);
    return await body({ name: await appName(folder, config, file), obtain });
  } finally {
    if (out !== undefined) rmSync(out, { recursive: true, force: true });
  }
}

async function artefactOf(tarball: string): Promise<Artefact> {
  const { manifest, releaseId } = await openHead(tarball);
  if (statSync(tarball).isDirectory()) {
    const problem = "it has no tarball to send";
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: tarball, problem });
  }
  const verify = once(async () => {
    if ((await verifyRelease(tarball)).releaseId === releaseId) return;
    const problem = "it was replaced by another one meanwhile";
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: tarball, problem });
  });
  const deltaFor = manifest.kind === "node" ? deltasOf(tarball) : async () => undefined;
  const sha256 = once(() => sha256OfFile(tarball));
  return { manifest, releaseId, tarball, bytes: statSync(tarball).size, verify, sha256, deltaFor };
}

/** Made when it is asked for first. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Against what was built here before, and the manifest of what runs there. Equal hosts share one. */
function deltasOf(tarball: string): NonNullable<Artefact["deltaFor"]> {
  const made = new Map<string, Promise<Delta>>();
  return async ({ inventory, manifestBytes }) => {
    // A tsugi that knows no deltas tells no hashes either.
    if (!inventory?.folders.every(({ hash }) => typeof hash === "string")) return undefined;
    if (manifestBytes === undefined) return undefined;
    const running = releaseIdOf(manifestBytes);
    const manifest = packManifest(Buffer.from(manifestBytes));
    const releases = inventory.releases.map((release) =>
      release.releaseId === running ? { ...release, manifest } : release,
    );
    const key = JSON.stringify([
      releases.map(({ releaseId, status }) => [releaseId, status]),
      inventory.folders.map(({ hash }) => hash),
    ]);
    const delta = made.get(key) ?? deltaFor({ ...inventory, releases }, tarball);
    made.set(key, delta);
    return delta;
  };
}

async function build(
  folder: string,
  { config, git, ref }: ToolOptions<"deploy">,
  out: string | undefined,
): Promise<string> {
  // With a compiler in it, which a release that is built already need not wait for.
  const { buildAny } = await import("./releasing.ts");
  const common = {
    isTrialBrief: true,
    ...defined({ configFile: config }),
    ...(out === undefined ? {} : { out, dry: true }),
  };
  const clean = { ...common, git: git ?? folder, into: folder };
  const isClean = git !== undefined || ref !== undefined;
  const request: AnyRequest = isClean ? { ...clean, ...defined({ ref }) } : { ...common, folder };
  return (await logged((log) => buildAny(request, log))).tarball;
}
