import { type ChangeFlags, change, withChangeFlags } from "../change.ts";
import type { Register } from "../command.ts";

const register: Register = (program, context) => {
  const command = program
    .command("check")
    .argument("<version|file>")
    .description("the upgrade up to the point where the old version would notice; then thrown away")
    .option("--boot", "boot also an application that doesn't use tsugi/hot");
  withChangeFlags(command).action((named: string, flags: ChangeFlags) => {
    const options = { checkOnly: true, ...(flags.boot ? { boot: true } : {}) };
    return change(context, { direction: "upgrade", named, flags, options });
  });
};
export default register;
