import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { writeReleases } from "../writing.ts";

const register: Register = (program, context) => {
  program
    .command("remove")
    .argument("<version>")
    .description("take a release off this host; the permanent and the current one stay")
    .option("--json", "one JSON document on stdout")
    .action(async (version: string, { json }: { json?: boolean }) => {
      await writeReleases(context, { verb: "remove", version }, (handler) =>
        handler.remove(version),
      );
      report(json, { removed: [version] }, `Removed ${version}`);
    });
};
export default register;
