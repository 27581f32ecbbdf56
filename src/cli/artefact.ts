/** The release that is to be deployed: one that is named, or this project, built. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { readManifest, verifyRelease } from "../build/inspect.ts";
import type { Artefact } from "../deploy/index.ts";
import { TsugiError } from "../errors.ts";
import { layoutOf } from "../release/layout.ts";
import { createReport } from "./buildReport.ts";

/** Held against its manifest before a byte of it is sent. */
export async function obtainArtefact(
  folder: string,
  release: string | undefined,
  options: { config?: string },
): Promise<Artefact> {
  const tarball = release === undefined ? await build(folder, options) : await tarballOf(release);
  const { releaseId } = await verifyRelease(tarball);
  const manifest = await readManifest(tarball);
  return { manifest, releaseId, tarball, bytes: statSync(tarball).size };
}

async function tarballOf(release: string): Promise<string> {
  const place = resolve(release);
  if (!existsSync(place) || !statSync(place).isDirectory()) return place;
  const { name, version } = await readManifest(place);
  const beside = [layoutOf(place, name).release(version).tarball, resolve(place, `${name}.tar.gz`)];
  const tarball = beside.find((path) => existsSync(path));
  if (tarball !== undefined) return tarball;
  const problem = `it has no ${name}.tar.gz to send`;
  throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem });
}

async function build(folder: string, { config }: { config?: string }): Promise<string> {
  const report = await createReport();
  const { isBeamProject, releaseBeam } = await import("../beam/index.ts");
  const { buildRelease } = await import("../build/release.ts");
  const request = { folder, ...(config === undefined ? {} : { configFile: config }) };
  const make = isBeamProject(folder) ? releaseBeam : buildRelease;
  try {
    const { tarball } = await make(request, report);
    report.done();
    return tarball;
  } catch (error) {
    report.failed();
    throw error;
  }
}
