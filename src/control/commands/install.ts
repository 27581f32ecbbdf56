import { type ChangeFlags, change, withChangeFlags } from "../change.ts";
import type { Register } from "../command.ts";

const register: Register = (program, context) => {
  const command = program
    .command("install")
    .argument("<version|file>")
    .description("like upgrade, but not permanent: until a commit, a restart boots the old version")
    .option("--force", "replace a release of the same version that is merely unpacked");
  withChangeFlags(command).action((named: string, flags: ChangeFlags) =>
    change(context, { direction: "upgrade", named, flags, options: { installOnly: true } }),
  );
};
export default register;
