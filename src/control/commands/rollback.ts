import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";
import { requireSupervisor } from "../running.ts";

export default async function rollbackCommand(context: Context, flags: ChangeFlags) {
  await requireSupervisor(context.layout);
  const handler = await context.handler();
  const { releases } = await handler.registry();
  // What was installed and not committed is given up; else the one that was permanent before.
  const isCurrent = releases.some((entry) => entry.status === "current");
  const named = isCurrent ? (await handler.permanent())!.version : await handler.rollbackTarget();
  await change(context, { direction: "rollback", named, flags });
}
