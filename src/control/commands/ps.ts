import { dirname } from "node:path";
import type { Neighbours } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { appsBelow, describeApps } from "../neighbours.ts";
import { printResult } from "../output.ts";

/** Of the folder that this root lies in. */
export default async function psCommand({ layout }: Context, { json }: { json?: boolean }) {
  const apps = await appsBelow([dirname(layout.root)]);
  printResult<Neighbours>(json, { apps }, describeApps(apps));
}
