import { resolve } from "node:path";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { foreground } from "../../control/commands/foreground.ts";
import { start } from "../../control/commands/start.ts";
import { createContext } from "../../control/context.ts";
import { ownPackage } from "../../pack/ownPackage.ts";
import { printLine, wantsJson } from "../output.ts";
import { readSourceProject, writeSourceTree } from "../sourceTree.ts";

/** From source, no release: daemon, pid file, log file, ready check, restarts. */
export async function runCommand(
  entry: string | undefined,
  options: ToolOptions<"run">,
): Promise<void> {
  const source = await readSourceProject(resolve(options.cwd ?? "."));
  const { layout } = source;
  const context = createContext(layout.root, layout.name, ownPackage().version);
  const write = () => writeSourceTree(source, entry);
  if (!options.detach) {
    if (wantsJson()) throw noJson();
    return foreground(context, write);
  }
  await start(context, { json: wantsJson(), keepEnv: true, before: write });
  if (!wantsJson())
    printLine(`Log: ${layout.appLog} · stop it: tsugi stop · more: ${layout.bin} help`);
}

/** What a service prints is its own: nothing of ours, and no one document. */
const noJson = (): TsugiError =>
  new TsugiError("TSUGI_USAGE", {
    problem: "--json goes with --detach: in the foreground stdout is the application's.",
    help: 'Its lines as JSON: logs: { format: "json" } in tsugi.config.ts',
  });
