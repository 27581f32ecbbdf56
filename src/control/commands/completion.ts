import { SHELLS } from "../../contract/commands/define.ts";
import { TsugiError } from "../../contract/errors.ts";
import { hostCompletion, isShell } from "../../usage/completion.ts";
import type { Context } from "../context.ts";
import { print } from "../output.ts";

export default function completionCommand({ layout }: Context, shell: string): void {
  if (!isShell(shell)) {
    const problem = `there are no completions for ${shell}, but for ${SHELLS.join(", ")}`;
    const help = `How it is called: ${layout.name} help completion`;
    throw new TsugiError("TSUGI_USAGE", { problem, help });
  }
  print(hostCompletion(shell, layout.name, "node").trimEnd());
}
