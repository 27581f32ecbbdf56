/** The contract's rows of commands as commander has them: for parsing, and for their help. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  argumentsOf,
  type CommandRow,
  type FlaggedOption,
  type HostKind,
  type OptionRow,
  optionsOf,
  type Words,
} from "../contract/commands/define.ts";

/** `kind`: of the host whose command line it is; none of `tsugi`'s own. */
export function declare(
  program: Command,
  verb: string,
  row: CommandRow,
  kind: HostKind = "node",
): Command {
  const names = verb.split(" ");
  const parent = names.length === 1 ? program : program.commands.find((c) => c.name() === names[0]);
  const command = parent!.command(names.at(-1)!).description(wordsFor(row.text, kind));
  for (const { name, text, default: value } of argumentsOf(row)) {
    const words = text === undefined ? "" : wordsFor(text, kind);
    if (/^<.*[^.]>$/.test(name)) command.argument(name, words, notEmpty);
    else command.argument(name, words, value);
  }
  for (const option of optionsOf(row, kind)) command.addOption(asOption(option, kind));
  return command;
}

export const wordsFor = (words: Words, kind: HostKind): string =>
  typeof words === "string" ? words : words[kind];

function asOption(row: FlaggedOption, kind: HostKind): Option {
  const option = new Option(row.flags, wordsFor(row.text, kind));
  if (row.choices !== undefined) option.choices(row.choices);
  if (row.value !== undefined) option.argParser<unknown>(VALUES[row.value]);
  if (row.default !== undefined) option.default(row.default);
  if (row.required) option.makeOptionMandatory();
  return option;
}

const VALUES: Record<
  NonNullable<OptionRow["value"]>,
  (text: string, before: unknown) => unknown
> = {
  whole: wholeNumber,
  positive: positiveNumber,
  names: (text, before = []) => [...(before as string[]), ...text.split(",")],
};

/** A variable of the shell that is not set names nothing. */
function notEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It is empty.");
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}

/** At least one: "keep none" would be asking for the permanent release. */
function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError("expected a number above 0");
}
