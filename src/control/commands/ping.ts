import { ask } from "../client.ts";
import type { Register } from "../command.ts";
import type { Context } from "../context.ts";
import { report } from "../output.ts";

const TIMEOUT_MS = 5_000;

const register: Register = (program, context) => {
  program
    .command("ping")
    .description("pong, if it is running and answers")
    .option("--json", "one JSON document on stdout")
    .action(({ json }: { json?: boolean }) => ping(context, json));
};
export default register;

export async function ping(context: Context, json: boolean | undefined): Promise<void> {
  await ask(context.layout, { verb: "ping" }, { timeoutMs: TIMEOUT_MS });
  report(json, { answer: "pong" }, "pong");
}
