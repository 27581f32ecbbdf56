import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";
import { refuseIfExposed } from "../exposed.ts";

export default async function checkCommand(context: Context, named: string, flags: ChangeFlags) {
  await refuseIfExposed(context.layout);
  const options = { checkOnly: true, ...(flags.boot ? { boot: true } : {}) };
  return change(context, { direction: "upgrade", named, flags, options });
}
