import type { HostVersion } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";
import { runningVersion } from "../runningRelease.ts";

export default async function printVersion(context: Context, { json }: { json?: boolean }) {
  const { name } = context.layout;
  const version = (await runningVersion(context)) ?? null;
  const [tsugi, node] = [context.tsugiVersion, process.versions.node];
  const text = `${name} ${version ?? "(never started)"}, tsugi ${tsugi}, Node ${node}`;
  printResult<HostVersion>(json, { name, version, tsugi, node }, text);
}
