import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { requireSupervisor } from "../running.ts";

const register: Register = (program, context) => {
  program
    .command("pid")
    .description("print the supervisor's pid")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      const { pid } = await requireSupervisor(context.layout);
      report(json, { pid }, String(pid));
    });
};
export default register;
