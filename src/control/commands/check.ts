import { defined } from "../../contract/checks.ts";
import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";
import { refuseIfExposed } from "../exposed.ts";

export default async function checkCommand(context: Context, named: string, flags: ChangeFlags) {
  await refuseIfExposed(context.layout);
  const options = { checkOnly: true, ...defined({ boot: flags.boot }) };
  return change(context, { direction: "upgrade", named, flags, options });
}
