/** The service as it lies on a host that has no releases: sources and packages in a folder. */
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A copy of its own, so that each contestant changes its own line. */
export function copySource(project: string, folder: string): string {
  cpSync(project, folder, { recursive: true, verbatimSymlinks: true });
  return folder;
}

/** The version, and one line of code. */
export function editSource(folder: string, version: string): void {
  const manifest = join(folder, "package.json");
  const { version: _, ...rest } = JSON.parse(readFileSync(manifest, "utf8"));
  writeFileSync(manifest, `${JSON.stringify({ ...rest, version }, null, 2)}\n`);
  appendFileSync(join(folder, "server.js"), `// the line of ${version}\n`);
}
