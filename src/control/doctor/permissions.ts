/** Who may change what runs here, whether its owner may write where they have to, and what etc/ says. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "../../protocol/documents.ts";
import type { Layout } from "../../release/layout.ts";
import type { Context } from "../context.ts";
import { findingOf, type Seen } from "./seen.ts";

export async function checkPermissions(context: Context): Promise<Seen> {
  const { layout } = context;
  const { findExposures } = await import("../../handler/exposure.ts");
  const exposed = (await findExposures(layout)).map(
    ({ path, why, fix }): Finding => ({ problem: `${path}: ${why}.`, remedy: fix }),
  );
  const findings = [...exposed, ...(await foreign(layout)), ...(await problemsOfEtc(context))];
  const { uid } = await lstat(layout.root);
  return { note: `the root belongs to user ${uid}`, findings: withoutTwins(findings) };
}

/** What is somebody else's, root's above all: the owner can't rotate, replace or remove it, nor unpack into it. */
async function foreign({ root, run, log, etc, ...layout }: Layout): Promise<Finding[]> {
  const { uid } = await lstat(root);
  const findings: Finding[] = [];
  const { releases, lib, runtimeRoot, binDir } = layout;
  for (const folder of [run, log, etc, releases, lib, runtimeRoot, binDir]) {
    const isWritten = [run, log, etc].includes(folder);
    const names = isWritten ? await readdir(folder).catch(() => []) : [];
    for (const path of [folder, ...names.map((name) => join(folder, name))]) {
      const owner = await lstat(path)
        .then((info) => info.uid)
        .catch(() => uid);
      if (owner === uid) continue;
      const problem = `${path} belongs to user ${owner}, the root to ${uid}.`;
      findings.push({ problem, remedy: `chown ${uid} ${path}` });
    }
  }
  return findings;
}

/** In the words of a start that would refuse. */
async function problemsOfEtc({ layout, handler }: Context): Promise<Finding[]> {
  const permanent = await (await handler()).permanent();
  const { readHostSettings } = await import("../../handler/settings.ts");
  const { readTrustedKeys } = await import("../../handler/verify.ts");
  const reads = [
    readHostSettings(layout, permanent?.version ?? ""),
    readTrustedKeys(layout.trustedKeys),
  ];
  const settled = await Promise.allSettled(reads);
  return settled.flatMap((one) => {
    if (one.status === "rejected") return [findingOf(one.reason)];
    const unknown = one.value !== undefined && "unknown" in one.value ? one.value.unknown : [];
    if (unknown.length === 0) return [];
    const remedy = "Correct it there, or take it out";
    return [{ problem: `${unknown.join("; ")}.`, remedy }];
  });
}

/** A file that others may write, and that is of somebody else, has one remedy. */
const withoutTwins = (findings: Finding[]): Finding[] =>
  findings.filter(({ remedy }, at) => findings.findIndex((one) => one.remedy === remedy) === at);
