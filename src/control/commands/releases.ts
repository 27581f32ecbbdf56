import { table } from "../../protocol/columns.ts";
import type { ReleaseList } from "../../release/status.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";

export default async function releasesCommand(context: Context, { json }: { json?: boolean }) {
  const list = await (await context.handler()).list();
  const rows = list.releases.map((entry) => {
    const { version, status, since, releaseId, verified } = entry;
    return [version, status, since, releaseId.slice(0, 12), verified ? "" : "not verified yet"];
  });
  const lines = table([["version", "status", "since", "id", ""], ...rows]);
  printResult<ReleaseList>(json, list, lines.join("\n"));
}
