import { readFile } from "node:fs/promises";
import type { HostOptions } from "../../contract/commands/host.ts";
import { thisPlatform } from "../../platform/thisPlatform.ts";
import { table } from "../../protocol/columns.ts";
import type { Inventory } from "../../release/delta.ts";
import { packManifest } from "../../release/delta.ts";
import type { ReleaseEntry } from "../../release/status.ts";
import { type Unit, unitHash, unitsOf } from "../../release/units.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";

export default async function inventoryCommand(
  context: Context,
  { json, files, manifests }: HostOptions<"inventory">,
) {
  const handler = await context.handler();
  const { name, releases } = await handler.list();
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
  const value: Inventory = {
    format: 1,
    name,
    platform: thisPlatform(),
    releases: manifests ? await withManifests(context, releases) : releases,
    folders: listed,
  };
  const rows = listed.map(({ folder, fileCount, bytes }) => [
    folder,
    String(fileCount),
    String(bytes),
  ]);
  const lines = table([["folder", "files", "bytes"], ...rows]);
  printResult<Inventory>(json, value, lines.join("\n"));
}

/** As they are, since their hash is the releaseId; compressed, since they are large. */
async function withManifests({ layout }: Context, releases: ReleaseEntry[]) {
  return Promise.all(
    releases.map(async (release) => {
      const bytes = await readFile(layout.release(release.version).manifest);
      return { ...release, manifest: packManifest(bytes) };
    }),
  );
}
