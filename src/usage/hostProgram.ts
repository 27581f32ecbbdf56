/** The command line of a host, of either kind, without what its commands do. */
import { Command } from "commander";
import type { HostKind } from "../contract/commands/define.ts";
import { HELP, HOST_COMMANDS, type HostVerb, hostCommands } from "../contract/commands/host.ts";
import { EXITS } from "../contract/exits.ts";
import { declare } from "./declare.ts";

export const hostVerbs = Object.keys(HOST_COMMANDS) as HostVerb[];

/** `run` is called with the verb of what was asked for, its arguments and its options. */
export function hostProgram(
  { name, root, kind }: { name: string; root: string; kind: HostKind },
  verbs: readonly HostVerb[],
  run: (verb: HostVerb, words: unknown[]) => Promise<void> = async () => {},
): Command {
  const program = new Command(name)
    .description(`${name} at ${root}, run and upgraded by tsugi`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError()
    .helpCommand(HELP.call, HELP.text)
    .addHelpText("after", EXIT_CODES);
  for (const [verb, row] of hostCommands(kind)) {
    if (!verbs.includes(verb)) continue;
    // The last word is the command itself.
    declare(program, verb, row, kind).action((...words) => run(verb, words.slice(0, -1)));
  }
  return program;
}

const EXIT_CODES = `
Exit codes: 0 ${EXITS[0]} · 1 ${EXITS[1]} · 2 ${EXITS[2]} · 3 ${EXITS[3]}
  4 ${EXITS[4]}
  5 ${EXITS[5]}`;
