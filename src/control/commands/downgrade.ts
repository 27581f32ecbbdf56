import { TsugiError } from "../../contract/errors.ts";
import { type ChangeFlags, change, withChangeFlags } from "../change.ts";
import type { Register } from "../command.ts";
import type { Context } from "../context.ts";
import { requireSupervisor } from "../running.ts";

const register: Register = (program, context) => {
  const command = program
    .command("downgrade")
    .argument("<version>", "one that was permanent on this host")
    .description("go back to an earlier version while the service runs; state is carried back");
  withChangeFlags(command).action(async (named: string, flags: ChangeFlags) => {
    await requireSupervisor(context.layout);
    await refuseStranger(context, named);
    await change(context, { direction: "downgrade", named, flags });
  });
};
export default register;

async function refuseStranger(context: Context, version: string): Promise<void> {
  const entry = await (await context.handler()).entry(version);
  if (entry.committed !== undefined) return;
  throw new TsugiError("TSUGI_NEVER_INSTALLED", { version, bin: context.layout.bin });
}
