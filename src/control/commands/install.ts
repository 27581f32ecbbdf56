import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";

export default function installCommand(context: Context, named: string, flags: ChangeFlags) {
  return change(context, { direction: "upgrade", named, flags, options: { installOnly: true } });
}
