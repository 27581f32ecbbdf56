import { type ChangeFlags, change, withChangeFlags } from "../change.ts";
import type { Register } from "../command.ts";

const register: Register = (program, context) => {
  const command = program
    .command("upgrade")
    .argument(
      "<version|file>",
      "a version in the drop box or unpacked, a tarball, or a build's folder",
    )
    .description("go over to another version while the service runs, and make it permanent")
    .option("--force", "replace a release of the same version that is merely unpacked");
  withChangeFlags(command).action((named: string, flags: ChangeFlags) =>
    change(context, { direction: "upgrade", named, flags }),
  );
};
export default register;
