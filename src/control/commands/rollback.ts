import { defined } from "../../contract/checks.ts";
import { type ChangeFlags, change } from "../change.ts";
import type { Context } from "../context.ts";
import { refuseIfMoved } from "../moved.ts";
import { note } from "../output.ts";
import { findSupervisor } from "../running.ts";
import { start } from "./start.ts";

export default async function rollbackCommand(context: Context, flags: ChangeFlags) {
  const handler = await context.handler();
  const supervisor = await findSupervisor(context.layout);
  if (supervisor === undefined) {
    const version = await handler.rollbackTarget();
    note(`Nothing runs: ${version}, which was permanent before, is started`);
    return start(context, { version, rollback: true, ...defined({ json: flags.json }) });
  }
  await refuseIfMoved(context.layout, supervisor);
  const { releases } = await handler.list();
  // What was installed and not committed is given up; else the one that was permanent before.
  const isCurrent = releases.some((entry) => entry.status === "current");
  const named = isCurrent ? (await handler.permanent())!.version : await handler.rollbackTarget();
  await change(context, { direction: "rollback", named, flags });
}
