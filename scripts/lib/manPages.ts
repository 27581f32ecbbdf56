/** Manual pages, from the same tables as the pages of docs/reference. */
import { configReference } from "../../src/config/reference.ts";
import {
  argumentsOf,
  type CommandRow,
  type HostKind,
  optionsOf,
  type Words,
} from "../../src/contract/commands/define.ts";
import { HOST_COMMANDS } from "../../src/contract/commands/host.ts";
import { TOOL_COMMANDS } from "../../src/contract/commands/tool.ts";
import { ERRORS } from "../../src/contract/errors.ts";
import { EXITS } from "../../src/contract/exits.ts";

const HOSTS: Record<HostKind, string> = { node: "Node.js", beam: "Elixir and Erlang" };

/** npm installs them with the package: `man` in package.json names each. */
export const manPages = (): Record<string, string> => ({
  "docs/man/tsugi.1": commandsPage({
    name: "tsugi",
    call: "tsugi",
    is: "build, run and upgrade releases while they run",
    about: "On the build machine. What runs on a host is tsugi-app(1).",
    rows: TOOL_COMMANDS,
    also: ["tsugi-app(1)", "tsugi-config(5)", "tsugi-errors(7)"],
  }),
  "docs/man/tsugi-app.1": commandsPage({
    name: "tsugi-app",
    call: "bin/<app>",
    is: "start, inspect and upgrade a release on its host",
    about:
      "In the install root of each release, under the name of its application; wall stands for one.",
    rows: HOST_COMMANDS,
    also: ["tsugi(1)", "tsugi-errors(7)"],
  }),
  "docs/man/tsugi-config.5": configPage(),
  "docs/man/tsugi-errors.7": errorsPage(),
});

interface CommandsPage {
  name: string;
  call: string;
  is: string;
  about: string;
  rows: Record<string, CommandRow>;
  also: string[];
}

function commandsPage({ name, call, is, about, rows, also }: CommandsPage): string {
  return page(name, 1, is, [
    section("SYNOPSIS", [`.B ${text(call)}`, ".I command", "[arguments] [options]"]),
    section("DESCRIPTION", [text(about)]),
    section(
      "COMMANDS",
      Object.entries(rows).flatMap(([verb, row]) => command(call, verb, row)),
    ),
    section(
      "EXIT STATUS",
      Object.entries(EXITS).flatMap(([code, says]) => item(code, says)),
    ),
    seeAlso(also),
  ]);
}

function command(call: string, verb: string, row: CommandRow): string[] {
  const words = [call, verb, ...argumentsOf(row).map((argument) => argument.name)];
  const described = [
    ...argumentsOf(row).map((argument) => [argument.name, wordsOf(argument.text ?? "")]),
    ...optionsOf(row).map(({ flags, text: says, choices, default: value }) => [
      flags,
      [
        wordsOf(says),
        ...(choices === undefined ? [] : [`One of ${choices.join(", ")}.`]),
        ...(value === undefined ? [] : [`Default: ${value}.`]),
      ].join(" "),
    ]),
  ].filter(([, says]) => says !== "");
  return [
    `.SS ${quoted(words.join(" "))}`,
    text(sentence(wordsOf(row.text))),
    ...described.flatMap(([flags, says]) => item(flags!, says!)),
    ".PP",
    "Example:",
    `.B ${text(row.example)}`,
  ];
}

function configPage(): string {
  const keys = configReference().flatMap(({ path, type, text: says }) =>
    item(path, `${says === "" ? "" : `${says}. `}(${type})`),
  );
  return page("tsugi-config", 5, "tsugi.config.ts, what a release is told", [
    section("DESCRIPTION", [
      text("Beside package.json, as .ts, .mts, .js, .mjs, .cjs or .json; every key is optional."),
    ]),
    section("KEYS", keys),
    seeAlso(["tsugi(1)"]),
  ]);
}

function errorsPage(): string {
  const codes = Object.entries(ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = codes.flatMap(([code, { exitCode, message, hint }]) => [
    ...item(code, message),
    ".br",
    text(hint),
    ".br",
    text(`Exit code ${exitCode}.`),
  ]);
  return page("tsugi-errors", 7, "what the errors of tsugi say, and what to do", [
    section("DESCRIPTION", [text("Words in braces are filled in. Of one alone: tsugi explain.")]),
    section("ERRORS", rows),
    seeAlso(["tsugi(1)", "tsugi-app(1)"]),
  ]);
}

const page = (name: string, number: number, is: string, sections: string[][]): string =>
  [
    '.\\" Written by npm run docs from src/contract and src/config: change it there.',
    `.TH ${name} ${number} 2026-01-01 tsugi`,
    ...section("NAME", [`${name} \\- ${text(is)}`]),
    ...sections.flat(),
    "",
  ].join("\n");

const section = (title: string, lines: string[]): string[] => [`.SH ${quoted(title)}`, ...lines];
const seeAlso = (pages: string[]) => section("SEE ALSO", [text(pages.join(", "))]);
const item = (tag: string, says: string): string[] => [".TP", `.B ${text(tag)}`, text(says)];

const wordsOf = (words: Words): string =>
  typeof words === "string" ? words : `${words.node}. ${HOSTS.beam}: ${words.beam}`;
const sentence = (says: string): string => `${says[0]!.toUpperCase()}${says.slice(1)}.`;
const quoted = (says: string): string => `"${text(says).replaceAll('"', "\\(dq")}"`;

/** A line of its own: nothing of it is a request, and - is what one can copy. */
function text(says: string): string {
  const escaped = says.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("\n", " ");
  return escaped.replace(/^(?=[.'])/, "\\&").trim();
}
