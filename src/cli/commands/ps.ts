import { resolve } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { appsBelow, describeApps } from "../../control/neighbours.ts";
import { exists } from "../../platform/files.ts";
import type { Neighbours } from "../../protocol/documents.ts";
import { printResult } from "../output.ts";

export async function psCommand(folders: string[]): Promise<void> {
  const asked = folders.length === 0 ? ["."] : folders;
  for (const folder of asked) {
    if (await exists(folder)) continue;
    const help = "Where they are: tsugi ps <folder> <folder>";
    throw new TsugiError("TSUGI_USAGE", { problem: `there is no folder ${folder}`, help });
  }
  const apps = await appsBelow(asked.map((folder) => resolve(folder)));
  printResult<Neighbours>({ apps }, [describeApps(apps)]);
}
