import { exists } from "../../platform/files.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { Manifest } from "../../release/manifest.ts";
import type { RegistryEntry } from "../../release/status.ts";
import type { Register } from "../command.ts";
import { bytesText, count, report, table } from "../output.ts";
import { requireVersion } from "../runningRelease.ts";

const register: Register = (program, context) => {
  program
    .command("describe")
    .argument("[version]", "default: the one that runs, or would")
    .description("what a release is made of, and how it came here")
    .option("--json", "one JSON document on stdout")
    .action(async (asked: string | undefined, { json }: { json?: boolean }) => {
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
      report(json, value, describe(manifest, entry, { signed, bytes, history }));
    });
};
export default register;

function describe(
  manifest: Manifest,
  entry: RegistryEntry,
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
  return table(rows);
}
