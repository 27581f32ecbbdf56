import { readFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { packManifest } from "../../release/delta.ts";
import type { RegistryEntry } from "../../release/status.ts";
import { type Unit, unitHash, unitsOf } from "../../release/units.ts";
import type { Register } from "../command.ts";
import type { Context } from "../context.ts";
import { report, table } from "../output.ts";

interface Options {
  json?: boolean;
  files?: boolean;
  manifests?: boolean;
}

const register: Register = (program, context) => {
  program
    .command("inventory")
    .description("what this host has, so that nothing of it needs to be sent again")
    .option("--files", "every file with its SHA-256")
    .option("--manifests", "every release.json, for who has none of these releases")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json, files, manifests }: Options) => {
      const handler = await context.handler();
      const { name, releases } = await handler.registry();
      const folders = new Map<string, Unit>();
      for (const { version } of releases) {
        for (const unit of unitsOf(await handler.manifest(version))) folders.set(unit.folder, unit);
      }
      const listed = [...folders.values()].map((unit) => ({
        folder: unit.folder,
        fileCount: unit.files.length,
        bytes: unit.files.reduce((sum, file) => sum + file.size, 0),
        hash: unitHash(unit),
        ...(files ? { files: unit.files } : {}),
      }));
      const host = `${platform()}-${arch()}`;
      const value = { format: 1, name, platform: host, releases, folders: listed };
      if (manifests) value.releases = await withManifests(context, releases);
      const rows = listed.map(({ folder, fileCount, bytes }) => [
        folder,
        String(fileCount),
        String(bytes),
      ]);
      report(json, value, table([["folder", "files", "bytes"], ...rows]));
    });
};
export default register;

/** As they are, since their hash is the releaseId; compressed, since they are large. */
async function withManifests({ layout }: Context, releases: RegistryEntry[]) {
  return Promise.all(
    releases.map(async (release) => {
      const bytes = await readFile(layout.release(release.version).manifest);
      return { ...release, manifest: packManifest(bytes) };
    }),
  );
}
