import { ask } from "../client.ts";
import { report } from "../output.ts";
import type { Register } from "../program.ts";

const TIMEOUT_MS = 5_000;

const register: Register = (program, context) => {
  program
    .command("ping")
    .description("pong, if it is running and answers")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      await ask(context.layout, { verb: "ping" }, { timeoutMs: TIMEOUT_MS });
      report(json, { answer: "pong" }, "pong");
    });
};
export default register;
