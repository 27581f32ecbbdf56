import { resolve } from "node:path";
import { appsBelow, describeApps } from "../../control/neighbours.ts";
import type { Neighbours } from "../../protocol/documents.ts";
import { printResult } from "../output.ts";

export async function psCommand(folders: string[]): Promise<void> {
  const asked = folders.length === 0 ? ["."] : folders;
  const apps = await appsBelow(asked.map((folder) => resolve(folder)));
  printResult<Neighbours>({ apps }, [describeApps(apps)]);
}
