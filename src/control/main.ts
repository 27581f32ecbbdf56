/** The program behind `bin/<app>`: parses, runs one command, prints its error, sets the exit code. */
import type { CommanderError } from "commander";
import {
  type ErrorJson,
  errorToJson,
  renderErrorJson,
  TsugiError,
  UNNAMED_BIN,
} from "../contract/errors.ts";
import { wrapLines } from "../protocol/wrap.ts";
import { layoutOf } from "../release/layout.ts";
import { RemoteError } from "./client.ts";
import { createContext } from "./context.ts";
import { note, print } from "./output.ts";
import { refuseAsRoot } from "./owner.ts";
import { refusedFile } from "./refusedFile.ts";
import { readMask } from "./secrets.ts";

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
    refuseAsRoot(root, name);
    const context = createContext(root, name, __TSUGI_VERSION__);
    if (args.length === 1 && args[0] === "ping") {
      // Health checks call it every few seconds: a third of its time would be the parser's.
      const { default: ping } = await import("./commands/ping.ts");
      return await ping(context, {});
    }
    const { createProgram } = await import("./program.ts");
    const program = createProgram(context, args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = await showError(error, args, name ?? "");
  }
}

async function showError(error: unknown, args: string[], name: string): Promise<number> {
  if (isCommanderError(error)) {
    if (error.exitCode === 0 || error.code === "commander.help") return 0;
    const problem = error.message.replace(/^error: /, "");
    const isVerb = error.code !== "commander.unknownCommand" && !args[0]?.startsWith("-");
    const help = isVerb
      ? `How it is called: ${name} help ${args[0]}`
      : `What there is: ${name} help`;
    return showError(new TsugiError("TSUGI_USAGE", { problem, help }), args, name);
  }
  const mask = await readMask(process.env.TSUGI_ROOT ?? "", name);
  const json = mask.document(await toJson(error));
  if (args.includes("--json")) {
    // An upgrade that failed has a report, a status without a system says "stopped".
    const value = error instanceof Error ? Reflect.get(error, "value") : undefined;
    print(JSON.stringify(mask.document(value) ?? { error: json }, null, 2));
  }
  note(wrapLines(renderErrorJson(json), process.stderr.columns));
  if (process.env.TSUGI_DEBUG && error instanceof Error) note(mask.text(String(error.stack)));
  // Who follows (follow.ts) wants to know whose fault it was.
  if (process.connected) process.send?.({ code: json.code, message: json.message }, () => {});
  return json.exitCode;
}

async function toJson(error: unknown): Promise<ErrorJson> {
  const { TSUGI_ROOT: root = "", TSUGI_NAME: name = "" } = process.env;
  const json =
    error instanceof RemoteError
      ? await notInPlace(error.json, root, name)
      : errorToJson(await refusedFile(error, root, name));
  // The supervisor doesn't say how this program was called.
  return { ...json, hint: json.hint.replaceAll(UNNAMED_BIN, `${root}/bin/${name}`) };
}

/** The supervisor of a root that was moved finds nothing of its own: that is no bug. */
async function notInPlace(json: ErrorJson, root: string, name: string): Promise<ErrorJson> {
  if (json.code !== "TSUGI_INTERNAL") return json;
  const { movedInstead } = await import("./moved.ts");
  const moved = await movedInstead(layoutOf(root, name));
  return moved === undefined ? json : errorToJson(moved);
}

const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error &&
  "exitCode" in error &&
  /^commander\./.test(String(Reflect.get(error, "code")));

await main();
