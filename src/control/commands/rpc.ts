import { TsugiError } from "../../contract/errors.ts";
import { wholeNumber } from "../arguments.ts";
import { ask } from "../client.ts";
import type { Register } from "../command.ts";
import { report } from "../output.ts";

interface Options {
  process?: string;
  slot?: number;
  json?: boolean;
}

const register: Register = (program, context) => {
  program
    .command("rpc")
    .argument("<expression>", "JavaScript; a promise is awaited")
    .description("evaluate an expression inside a running worker and print its value")
    .option("--process <name>", "which process (default: the first)")
    .option("--slot <number>", "which of its slots", wholeNumber)
    .option("--json", "one JSON document on stdout")
    .action(async (expression: string, { json, ...where }: Options) => {
      const request = { verb: "rpc", expression, ...where } as const;
      const { text, threw } = (await ask(context.layout, request)) as {
        text: string;
        threw: boolean;
      };
      if (threw)
        throw new TsugiError("TSUGI_RPC_THREW", { problem: text, bin: context.layout.bin });
      report(json, { value: text }, text);
    });
};
export default register;
