import { exists } from "../../platform/files.ts";
import { table } from "../../protocol/columns.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { Manifest } from "../../release/manifest.ts";
import type { ReleaseEntry } from "../../release/status.ts";
import type { Context } from "../context.ts";
import { bytesText, count, printResult } from "../output.ts";
import { requireVersion } from "../runningRelease.ts";

/** `describe --json`. */
export interface Described extends Omit<Manifest, "files">, ReleaseEntry {
  /** Whether its release.json comes with a signature. */
  signed: boolean;
  /** How many, and what they come to. */
  files: number;
  bytes: number;
  /** To it and from it, the last one last. */
  upgrades: UpgradeReport[];
}

export default async function describeCommand(
  context: Context,
  asked: string | undefined,
  { json }: { json?: boolean },
) {
  const handler = await context.handler();
  const version = asked ?? (await requireVersion(context));
  const [manifest, entry] = [await handler.manifest(version), await handler.entry(version)];
  const signed = await exists(context.layout.release(version).signature);
  const history = (await handler.reports()).filter(
    ({ from, to }) => from === version || to === version,
  );
  const { files, ...rest } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const value = { ...rest, ...entry, signed, files: files.length, bytes, upgrades: history };
  printResult<Described>(json, value, describe(manifest, entry, { signed, bytes, history }));
}

function describe(
  manifest: Manifest,
  entry: ReleaseEntry,
  facts: { signed: boolean; bytes: number; history: UpgradeReport[] },
): string {
  const { name, version, runtime, tsugi, files, build } = manifest;
  const processes = manifest.processes.map(({ name, entry, workers, overlap }) =>
    [name, entry, `× ${workers}`, overlap ? "" : "(never two at once)"].join(" ").trim(),
  );
  const states = manifest.states.map((state) => `${state.name} v${state.version}`);
  const upgrades = facts.history
    .slice(-5)
    .map(
      ({ at, from, to, strategy, result }) => `${at}  ${from} → ${to} by ${strategy}: ${result}`,
    );
  const verified = entry.verified ? "verified" : "not verified yet";
  const rows = [
    ["release", `${name} ${version}`],
    ["id", entry.releaseId],
    ["status", `${entry.status} since ${entry.since}`],
    ["trust", `${verified}, ${facts.signed ? "signed" : "not signed"}`],
    ["runtime", `Node ${runtime.version} for ${runtime.platform}`],
    ["tsugi", tsugi.version],
    ["build", build],
    ["content", `${count(files.length, "file")}, ${bytesText(facts.bytes)}`],
    ...processes.map((line) => ["process", line]),
    ["state", states.length > 0 ? states.join(", ") : "none declared"],
    ...upgrades.map((line) => ["upgrade", line]),
  ];
  return table(rows).join("\n");
}
