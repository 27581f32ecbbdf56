import { loadConfig } from "../../config/load.ts";
import { SHELLS } from "../../contract/commands/define.ts";
import { TOOL_COMMANDS } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { completionScript, isShell } from "../../usage/completion.ts";
import { printLine } from "../output.ts";

export async function completionCommand(shell: string): Promise<void> {
  if (shell === "environments") return printEnvironments();
  if (!isShell(shell)) {
    const problem = `there are no completions for ${shell}, but for ${SHELLS.join(", ")}`;
    throw new TsugiError("TSUGI_USAGE", { problem, help: "tsugi help completion" });
  }
  printLine(
    completionScript(shell, { name: "tsugi", kind: "node", rows: TOOL_COMMANDS }).trimEnd(),
  );
}

/** Of the project here; none outside of one. */
async function printEnvironments(): Promise<void> {
  const { config } = await loadConfig(".");
  for (const name of Object.keys(config.environments ?? {})) printLine(name);
}
