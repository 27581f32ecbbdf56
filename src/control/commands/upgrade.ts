import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";

export default function upgradeCommand(context: Context, named: string, flags: ChangeFlags) {
  return change(context, { direction: "upgrade", named, flags });
}
