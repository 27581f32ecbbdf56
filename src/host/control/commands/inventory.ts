import { arch, platform } from "node:os";
import { type Unit, unitHash, unitsOf } from "../../../release/units.ts";
import { report, table } from "../output.ts";
import type { Register } from "../program.ts";

const register: Register = (program, context) => {
  program
    .command("inventory")
    .description("what this host has, so that nothing of it needs to be sent again")
    .option("--files", "every file with its SHA-256")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json, files }: { json?: boolean; files?: boolean }) => {
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
      const rows = listed.map(({ folder, fileCount, bytes }) => [
        folder,
        String(fileCount),
        String(bytes),
      ]);
      report(json, value, table([["folder", "files", "bytes"], ...rows]));
    });
};
export default register;
