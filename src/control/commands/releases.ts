import type { Registry } from "../../release/status.ts";
import type { Context } from "../context.ts";
import { report, table } from "../output.ts";

export default async function releasesCommand(context: Context, { json }: { json?: boolean }) {
  const registry = await (await context.handler()).registry();
  const rows = registry.releases.map((entry) => {
    const { version, status, since, releaseId, verified } = entry;
    return [version, status, since, releaseId.slice(0, 12), verified ? "" : "not verified yet"];
  });
  report<Registry>(json, registry, table([["version", "status", "since", "id", ""], ...rows]));
}
