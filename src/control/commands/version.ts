import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { runningVersion } from "../runningRelease.ts";

const register: Register = (program, context) => {
  program
    .command("version")
    .description("the release's version, and what this command runs on")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      const { name } = context.layout;
      const version = (await runningVersion(context)) ?? null;
      const [tsugi, node] = [context.tsugiVersion, process.versions.node];
      const text = `${name} ${version ?? "(never started)"}, tsugi ${tsugi}, Node ${node}`;
      report(json, { name, version, tsugi, node }, text);
    });
};
export default register;
