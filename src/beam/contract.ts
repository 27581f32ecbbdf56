/**
 * The contract as a BEAM host reads it: tables as JSON; as files the help of each command, and what
 * shells complete.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defined } from "../contract/checks.ts";
import { argumentsOf, type FlaggedOption, optionsOf, SHELLS } from "../contract/commands/define.ts";
import { HELP, hostCommands } from "../contract/commands/host.ts";
import { BEAM_HOST_ERRORS } from "../contract/errors/beamHost.ts";
import { BUCKETS_SECONDS, METRICS, type MetricRow } from "../contract/metrics.ts";
import { SETTING_ROWS } from "../contract/settings.ts";
import { STEPS } from "../contract/steps.ts";
import { canonicalJson } from "../release/manifest.ts";
import { hostCompletion } from "../usage/completion.ts";
import { hostProgram, hostVerbs } from "../usage/hostProgram.ts";

/** Into priv/ of tsugi's application. */
export function writeContract(priv: string): void {
  const tables = {
    errors: BEAM_HOST_ERRORS,
    settings: SETTING_ROWS,
    steps: STEPS,
    commands: commandRows(),
    metrics: metricRows(),
  };
  for (const [name, table] of Object.entries(tables)) {
    writeFileSync(join(priv, `${name}.json`), canonicalJson(table));
  }
  const help = join(priv, "help");
  mkdirSync(help);
  for (const [name, text] of Object.entries(helpTexts())) writeFileSync(join(help, name), text);
  const completion = join(priv, "completion");
  mkdirSync(completion);
  for (const shell of SHELLS) {
    writeFileSync(join(completion, shell), hostCompletion(shell, "@NAME@", "beam"));
  }
}

/** In their order, which an object in canonical JSON has not. */
const metricRows = () => ({
  metrics: Object.entries<MetricRow>(METRICS).map(([name, row]) => ({ name, ...row })),
  bucketsSeconds: BUCKETS_SECONDS,
});

/** What the parser of the host needs. Texts are in the help, which needs no VM to be printed. */
function commandRows() {
  const help = { verb: "help", arguments: [argumentOf("[command]")], options: [] };
  const rows = hostCommands("beam").map(([verb, row]) => ({
    verb,
    arguments: argumentsOf(row).map(({ name }) => argumentOf(name)),
    options: optionsOf(row, "beam").map(optionOf),
    run: row.erlang,
  }));
  return [...rows, { ...help, run: ["tsugi_usage", "help"] }];
}

const argumentOf = (name: string) => ({
  name: name.slice(1, -1),
  required: name.startsWith("<"),
});

/** The first of its names is the one that commands look for. */
function optionOf({ flags, value, choices, default: unless }: FlaggedOption) {
  const words = flags.split(/,? /);
  const names = words.filter((word) => word.startsWith("-"));
  const kind = names.length === words.length ? "flag" : (value ?? "text");
  const row = choices === undefined ? { names, kind } : { names, kind: "choice", choices };
  return { ...row, ...defined({ default: unless }) };
}

/** @NAME@ and @ROOT@ stand for the application and its install root. */
export function helpTexts(): Record<string, string> {
  const host = { name: "@NAME@", root: "@ROOT@", kind: "beam" } as const;
  const program = hostProgram(host, hostVerbs).configureHelp({ helpWidth: 80 });
  let text = "";
  program.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  const written = (command: typeof program) => {
    text = "";
    command.copyInheritedSettings(program).outputHelp();
    return text;
  };
  const own = program.commands.map((command) => [command.name(), written(command)]);
  const help = [`Usage: @NAME@ ${HELP.call}`, "", HELP.text, ""].join("\n");
  return { all: written(program), help, ...Object.fromEntries(own) };
}
