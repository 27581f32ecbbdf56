import { TsugiError } from "../../contract/errors.ts";
import type { Register } from "../command.ts";
import { note } from "../output.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";

const register: Register = (program, context) => {
  program
    .command("restart")
    .description("stop, then start; in-memory state is lost (reload and upgrade keep it)")
    .option("--keep-env", "with this shell's whole environment, not only what a unit would have")
    .option("--json", "one JSON document on stdout")
    .action(async (options: { json?: boolean; keepEnv?: boolean }) => {
      try {
        const { name, version, pid } = await stop(context);
        note(`${name} ${version} stopped, pid ${pid}`);
      } catch (error) {
        if (!(error instanceof TsugiError) || error.code !== "TSUGI_NOT_RUNNING") throw error;
        note(`${context.layout.name} was not running`);
      }
      await start(context, options);
    });
};
export default register;
