import { hostCompletion, shellNamed } from "../../usage/completion.ts";
import type { Context } from "../context.ts";
import { print } from "../output.ts";

export default function completionCommand({ layout: { name } }: Context, shell: string): void {
  const asked = shellNamed(shell, `How it is called: ${name} help completion`);
  print(hostCompletion(asked, name, "node").trimEnd());
}
