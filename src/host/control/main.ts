/** The program behind `bin/<app>`: parses, runs one command, prints its error, sets the exit code. */
import type { CommanderError } from "commander";
import { type ErrorJson, errorToJson, renderError, TsugiError } from "../../errors.ts";
import { RemoteError } from "./client.ts";
import { createContext } from "./context.ts";
import { note, print } from "./output.ts";
import { actAsOwnerOf } from "./owner.ts";
import { createProgram } from "./program.ts";

declare const __TSUGI_VERSION__: string;

async function main(): Promise<void> {
  const { TSUGI_ROOT: root, TSUGI_NAME: name } = process.env;
  const asked = process.argv.slice(2);
  const args = asked.length > 0 ? asked : ["help"];
  // A reader that has gone (`| head`) is no reason to fail.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  try {
    if (!root || !name) {
      const problem = "TSUGI_ROOT and TSUGI_NAME are not set";
      throw new TsugiError("TSUGI_USAGE", { problem, help: "Run it through bin/<app>." });
    }
    actAsOwnerOf(root);
    const context = createContext(root, name, __TSUGI_VERSION__);
    const program = await createProgram(context, args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = showError(error, args, name ?? "");
  }
}

function showError(error: unknown, args: string[], name: string): number {
  if (isCommanderError(error)) {
    if (error.exitCode === 0 || error.code === "commander.help") return 0;
    const problem = error.message.replace(/^error: /, "");
    const isVerb = error.code !== "commander.unknownCommand" && !args[0]?.startsWith("-");
    const help = isVerb
      ? `How it is called: ${name} help ${args[0]}`
      : `What there is: ${name} help`;
    return showError(new TsugiError("TSUGI_USAGE", { problem, help }), args, name);
  }
  const json = toJson(error);
  if (args.includes("--json")) {
    // An upgrade that failed has a report, a status without a system says "stopped".
    const value = error instanceof Error ? Reflect.get(error, "value") : undefined;
    print(JSON.stringify(value ?? { error: json }, null, 2));
  }
  if (error instanceof RemoteError) {
    note(`error ${json.code}\n  ${json.message}\n  → ${json.hint}`);
  } else {
    note(renderError(error, Boolean(process.env.TSUGI_DEBUG)));
  }
  return json.exitCode;
}

const toJson = (error: unknown): ErrorJson =>
  error instanceof RemoteError ? error.json : errorToJson(error);

const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error &&
  "exitCode" in error &&
  /^commander\./.test(String(Reflect.get(error, "code")));

await main();
