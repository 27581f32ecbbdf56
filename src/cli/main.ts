/** `tsugi`, on the build machine. What a command does is a file of its own, loaded when it is asked for. */
import { type Argument, Command, CommanderError } from "commander";
import type { CommandRow } from "../contract/commands/define.ts";
import { TOOL_COMMANDS, type ToolVerb } from "../contract/commands/tool.ts";
import { ownPackage } from "../pack/ownPackage.ts";
import { declare } from "../usage/declare.ts";
import { outliveReaders } from "./closedPipe.ts";
import type { HelpText } from "./documents.ts";
import { arrangeExec } from "./execWords.ts";
import { fail, printResult, setJson } from "./output.ts";

/** Called with its arguments, then its options. */
type Run = (...words: never[]) => unknown;

const COMMANDS: Record<Exclude<ToolVerb, "keys" | "help">, () => Promise<Run>> = {
  init: async () => (await import("./commands/init.ts")).initCommand,
  release: async () => (await import("./commands/release.ts")).releaseCommand,
  plan: async () => (await import("./commands/plan.ts")).planCommand,
  verify: async () => (await import("./commands/verify.ts")).verifyCommand,
  sign: async () => (await import("./commands/sign.ts")).signCommand,
  delta: async () => (await import("./commands/delta.ts")).deltaCommand,
  "keys new": async () => (await import("./commands/keys.ts")).newKeyCommand,
  "keys show": async () => (await import("./commands/keys.ts")).showKeysCommand,
  image: async () => (await import("./commands/image.ts")).imageCommand,
  push: async () => (await import("./commands/push.ts")).pushCommand,
  pull: async () => (await import("./commands/pull.ts")).pullCommand,
  list: async () => (await import("./commands/list.ts")).listCommand,
  prune: async () => (await import("./commands/prune.ts")).pruneCommand,
  run: async () => (await import("./commands/run.ts")).runCommand,
  stop: async () => (await import("./commands/stop.ts")).stopCommand,
  deploy: async () => (await import("./commands/deploy.ts")).deployCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  ps: async () => (await import("./commands/ps.ts")).psCommand,
  view: async () => (await import("./commands/view.ts")).viewCommand,
  rollback: async () => (await import("./commands/rollback.ts")).rollbackCommand,
  logs: async () => (await import("./commands/logs.ts")).logsCommand,
  exec: async () => (await import("./commands/exec.ts")).execCommand,
  lock: async () => (await import("./commands/lock.ts")).lockCommand,
  unlock: async () => (await import("./commands/lock.ts")).unlockCommand,
  explain: async () => (await import("./commands/explain.ts")).explainCommand,
  completion: async () => (await import("./commands/completion.ts")).completionCommand,
};

const program = new Command("tsugi")
  .description("Build, run and upgrade releases of Node.js services while they run.")
  .version(ownPackage().version, "-V, --version", "print tsugi's version")
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .configureHelp({
    minWidthToWrap: 20,
    subcommandTerm: (command) =>
      [command.name(), ...command.registeredArguments.map(argumentText)].join(" "),
  })
  .helpCommand(false);

for (const [verb, row] of Object.entries<CommandRow>(TOOL_COMMANDS)) {
  const command = declare(program, verb, row);
  if (verb === "help") command.action(help);
  else if (verb === "keys") command.action(() => help("keys"));
  else {
    command.action(async (...words) => {
      const run = await COMMANDS[verb as keyof typeof COMMANDS]();
      // The last word is the command itself.
      await run(...(words.slice(0, -1) as never[]));
    });
  }
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

async function help(topic: string | undefined): Promise<void> {
  if (topic === "config") return (await import("./commands/help.ts")).helpConfigCommand();
  const command = program.commands.find((known) => known.name() === topic);
  if (topic !== undefined && command === undefined) {
    throw new CommanderError(2, "tsugi.topic", `there is no command ${topic}`);
  }
  const text = (command ?? program).helpInformation().trimEnd();
  printResult<HelpText>({ topic: topic ?? null, text }, [text]);
}

async function run(words: string[]): Promise<void> {
  if (words.length === 0) return help(undefined);
  readJson(words);
  const [verb, ...rest] = words;
  const arranged = verb === "exec" ? [verb, ...(await arrangeExec(rest))] : words;
  readJson(arranged);
  await program.parseAsync(arranged, { from: "user" });
}

/** Before parsing: a wrong argument is reported in JSON too. What follows `--` is no option. */
function readJson(words: string[]): void {
  const end = words.indexOf("--");
  const rows: Record<string, CommandRow> = TOOL_COMMANDS;
  const asLines = rows[words[0]!]?.document === "DeployLine";
  setJson(words.slice(0, end === -1 ? undefined : end).includes("--json"), asLines);
}

outliveReaders(process.argv[2]);
await run(process.argv.slice(2)).catch((error: unknown) => {
  const asked = error instanceof CommanderError && error.exitCode === 0;
  if (!asked) fail(error);
});
