import { ask } from "../client.ts";
import { report } from "../output.ts";
import type { Register } from "../program.ts";
import { printStep } from "../steps.ts";

const register: Register = (program, context) => {
  program
    .command("reload")
    .description("apply a changed etc/ by handoff into the same release; no connection is dropped")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      const value = await ask(context.layout, { verb: "reload" }, { onEvent: printStep });
      const { formatOutcome } = await import("../formatReport.ts");
      report(json, value ?? {}, formatOutcome(value, "Reloaded"));
    });
};
export default register;
