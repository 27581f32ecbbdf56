import { TsugiError } from "../../contract/errors.ts";
import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";
import { requireInPlace } from "../moved.ts";

export default async function downgradeCommand(
  context: Context,
  named: string,
  flags: ChangeFlags,
) {
  await requireInPlace(context.layout);
  await refuseStranger(context, named);
  await change(context, { direction: "downgrade", named, flags });
}

async function refuseStranger(context: Context, version: string): Promise<void> {
  const entry = await (await context.handler()).entry(version);
  if (entry.committed !== undefined) return;
  throw new TsugiError("TSUGI_NEVER_INSTALLED", { version, bin: context.layout.bin });
}
