/** docs/reference/commands.md, from the contract's tables of commands. */
import {
  argumentsOf,
  type CommandRow,
  type HostKind,
  type OptionRow,
  optionsOf,
  type Words,
} from "../../src/contract/commands/define.ts";
import { HOST_COMMANDS } from "../../src/contract/commands/host.ts";
import { TOOL_COMMANDS } from "../../src/contract/commands/tool.ts";
import { EXITS } from "../../src/contract/exits.ts";
import { anchorsOf } from "./documentsPage.ts";

const HOSTS: Record<HostKind, string> = { node: "Node.js", beam: "Elixir and Erlang" };

export function commandsPage(): string {
  const exits = Object.entries(EXITS).map(([code, text]) => `| ${code} | ${text} |`);
  return `# Commands

<!-- Written by \`npm run docs\` from src/contract/commands/: change it there. -->

\`tsugi\` on the build machine, \`bin/<app>\` on a host; \`wall\` stands for an app. The same on a terminal: \`tsugi help <command>\`,
\`bin/wall help <command>\`. What is different on hosts of Elixir and Erlang releases is said where it is. With \`--json\` stdout
is one [document](documents.md), and an error is one too; progress goes to stderr.

## Exit codes

| | |
|---|---|
${exits.join("\n")}

# tsugi

${sections("tsugi", TOOL_COMMANDS)}

# bin/&lt;app&gt;

${sections("bin/<app>", HOST_COMMANDS)}
`;
}

const sections = (program: string, rows: Record<string, CommandRow>): string =>
  Object.entries(rows)
    .map(([verb, row]) => section(`${program} ${verb}`, row))
    .join("\n\n");

function section(call: string, row: CommandRow): string {
  const { text, example, exits = [], document, only } = row;
  const words = [call, ...argumentsOf(row).map(({ name }) => name)];
  const options = optionsOf(row).length > 0 ? ["[options]"] : [];
  const facts = [
    ...(only === undefined ? [] : [`On hosts of ${HOSTS[only]} only.`]),
    `Exit codes: ${[0, ...exits, 2].sort().join(", ")}.`,
    ...(document === undefined ? [] : [`\`--json\`: ${anchorsOf(document)}.`]),
  ];
  return [
    `## ${escaped(call)}`,
    "",
    sentence(text),
    "",
    "```text",
    [...words, ...options].join(" "),
    "```",
    ...table(row),
    "",
    `Example: \`${example}\`. ${facts.join(" ")}`,
  ].join("\n");
}

function table(row: CommandRow): string[] {
  const rows = [
    ...argumentsOf(row).map(({ name, text = "", default: value }) => [
      name,
      textOf(text) + defaultText(value),
    ]),
    ...optionsOf(row).map((option) => [option.flags, optionText(option)]),
  ];
  if (rows.length === 0) return [];
  const lines = rows.map(([name, text]) => `| \`${name!.replaceAll("|", "\\|")}\` | ${text} |`);
  return ["", "| | |", "|---|---|", ...lines];
}

function optionText({ text, choices, required, only, default: value }: OptionRow): string {
  const notes = [
    ...(only === undefined ? [] : [`${HOSTS[only]} only`]),
    ...(required ? ["required"] : []),
    ...(choices === undefined ? [] : [choices.join(", ")]),
  ];
  return textOf(text) + notes.map((note) => ` (${note})`).join("") + defaultText(value);
}

const defaultText = (value: string | number | undefined): string =>
  value === undefined ? "" : ` (default: ${value})`;

const textOf = (words: Words): string =>
  escaped(
    typeof words === "string" ? words : `${words.node}. ${HOSTS.beam}: ${words.beam}`,
  ).replaceAll("|", "\\|");

function sentence(words: Words): string {
  const text = textOf(words);
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

const escaped = (text: string) => text.replace(/<([^>]+)>/g, "&lt;$1&gt;").replaceAll("*", "\\*");
