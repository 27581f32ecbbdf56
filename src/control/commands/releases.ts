import type { Register } from "../command.ts";
import { report, table } from "../output.ts";

const register: Register = (program, context) => {
  program
    .command("releases")
    .description("the releases on this host and their status")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      const registry = await (await context.handler()).registry();
      const rows = registry.releases.map((entry) => {
        const { version, status, since, releaseId, verified } = entry;
        return [version, status, since, releaseId.slice(0, 12), verified ? "" : "not verified yet"];
      });
      report(json, registry, table([["version", "status", "since", "id", ""], ...rows]));
    });
};
export default register;
