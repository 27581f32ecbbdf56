import { resolve } from "node:path";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { stop } from "../../control/commands/stop.ts";
import { createContext } from "../../control/context.ts";
import { ownPackage } from "../../pack/ownPackage.ts";
import type { Stopped } from "../../protocol/documents.ts";
import { printResult } from "../output.ts";
import { readSourceProject } from "../sourceTree.ts";

export async function stopCommand(options: ToolOptions<"stop">): Promise<void> {
  const { layout } = await readSourceProject(resolve(options.cwd ?? "."));
  const stopped = await stop(createContext(layout.root, layout.name, ownPackage().version));
  const { name, version, pid, killed } = stopped;
  const how = killed ? "was killed: it did not end in time" : "stopped";
  printResult<Stopped>(stopped, [`${name} ${version} ${how}, pid ${pid}`]);
}
