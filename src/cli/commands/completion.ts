import { loadConfig } from "../../config/load.ts";
import { TOOL_COMMANDS } from "../../contract/commands/tool.ts";
import { completionScript, shellNamed } from "../../usage/completion.ts";
import { printLine } from "../output.ts";

export async function completionCommand(shell: string): Promise<void> {
  if (shell === "environments") return printEnvironments();
  const asked = shellNamed(shell, "tsugi help completion");
  const program = { name: "tsugi", kind: "node", rows: TOOL_COMMANDS } as const;
  printLine(completionScript(asked, program).trimEnd());
}

/** Of the project here; none outside of one. */
async function printEnvironments(): Promise<void> {
  const { config } = await loadConfig(".");
  for (const name of Object.keys(config.environments ?? {})) printLine(name);
}
