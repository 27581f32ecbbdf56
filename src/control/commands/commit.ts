import { ask } from "../client.ts";
import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { requireSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";
import { printStep } from "../steps.ts";

const register: Register = (program, context) => {
  program
    .command("commit")
    .description("make the current release permanent: from now on a boot starts it")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      await requireSupervisor(context.layout);
      const version = await requireVersion(context);
      const value = await ask(context.layout, { verb: "commit" }, { onEvent: printStep });
      report(json, { version, ...(value as object | null) }, `Made ${version} permanent`);
    });
};
export default register;
