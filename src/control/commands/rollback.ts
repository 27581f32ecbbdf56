import { type ChangeFlags, change, withChangeFlags } from "../change.ts";
import type { Register } from "../command.ts";
import { requireSupervisor } from "../running.ts";

const register: Register = (program, context) => {
  const command = program
    .command("rollback")
    .description("back to the version that was permanent before; a current one is given up");
  withChangeFlags(command).action(async (flags: ChangeFlags) => {
    await requireSupervisor(context.layout);
    const handler = await context.handler();
    const { releases } = await handler.registry();
    // What was installed and not committed is given up; else the one that was permanent before.
    const isCurrent = releases.some((entry) => entry.status === "current");
    const named = isCurrent ? (await handler.permanent())!.version : await handler.rollbackTarget();
    await change(context, { direction: "rollback", named, flags });
  });
};
export default register;
