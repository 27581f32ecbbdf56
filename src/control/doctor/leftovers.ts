/** What a kill, a crash or a cut cable has left, and nobody works on any more. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { unreferenced } from "../../handler/remove.ts";
import { lockOwner } from "../../platform/lock.ts";
import { isRunning } from "../../platform/processes.ts";
import type { Finding } from "../../protocol/documents.ts";
import type { Layout } from "../../release/layout.ts";
import type { Context } from "../context.ts";
import type { Seen } from "./seen.ts";

/** While somebody may be at work, only what is older is nobody's. */
const AGE_MS = 3_600_000;

export async function checkLeftovers({ layout }: Context): Promise<Seen> {
  const kinds = await Promise.all([halfDone(layout), cutOffWrites(layout)]);
  const findings = kinds.flat();
  return { note: findings.length === 0 ? "none" : "", findings };
}

/** Of an unpack, of a first install, of a deploy; and folders of releases that are gone. */
async function halfDone(layout: Layout): Promise<Finding[]> {
  const places: [path: string, what: string][] = [
    [layout.firstInstall, "is a first install that was cut off"],
    [layout.etcEnvNext, "is an environment that a deploy has brought and not put in place"],
    [layout.etcEnvBefore, "is the environment before a deploy that was cut off"],
  ];
  for (const name of await readdir(layout.staging).catch(() => [])) {
    places.push([join(layout.staging, name), "is an unpack that was cut off"]);
  }
  for (const folder of await unreferenced(layout)) {
    places.push([join(layout.root, folder), "belongs to no release that is here"]);
  }
  const isBusy = await somebodyWorks(layout);
  const findings: Finding[] = [];
  for (const [path, what] of places) {
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined || (isBusy && Date.now() - info.ctimeMs < AGE_MS)) continue;
    findings.push({ problem: `${path} ${what}.`, remedy: `rm -r ${path}` });
  }
  return findings;
}

async function somebodyWorks({ lock, deployLock }: Layout): Promise<boolean> {
  const owners = await Promise.all([lock, `${lock}.start`].map(lockOwner));
  if (owners.some((owner) => owner !== undefined)) return true;
  // A deploy comes from elsewhere: no process of this host owns its lock.
  return lstat(deployLock).then(
    () => true,
    () => false,
  );
}

/** `<name>.<pid>.tmp`, whose writer is gone. */
async function cutOffWrites({ releases, etc }: Layout): Promise<Finding[]> {
  const versions = await readdir(releases, { withFileTypes: true }).catch(() => []);
  const own = versions
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(releases, name));
  const findings: Finding[] = [];
  for (const folder of [releases, etc, ...own]) {
    for (const name of await readdir(folder).catch(() => [])) {
      const pid = /\.(\d+)\.tmp$/.exec(name)?.[1];
      if (pid === undefined || isRunning(Number(pid))) continue;
      const path = join(folder, name);
      findings.push({ problem: `${path} is a write that was cut off.`, remedy: `rm ${path}` });
    }
  }
  return findings;
}
