import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";

export default function checkCommand(context: Context, named: string, flags: ChangeFlags) {
  const options = { checkOnly: true, ...(flags.boot ? { boot: true } : {}) };
  return change(context, { direction: "upgrade", named, flags, options });
}
