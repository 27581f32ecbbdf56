/**
 * How a command is written down. From the tables come both command lines of a host (src/usage for Node,
 * priv/commands.json and priv/help for tsugi_usage.erl), that of `tsugi`, and docs/reference/commands.md.
 */
export type HostKind = "node" | "beam";

/** The same on both kinds of host, where nothing speaks against it. */
export type Words = string | Readonly<Record<HostKind, string>>;

/** What a shell completes a word with; names of files are completed where there is nothing else. */
export type Completed = "releases here" | "stored releases" | "environments" | readonly string[];

export interface ArgumentRow {
  /** `<version|file>`, `[folder]`: in brackets it may be left out. */
  name: string;
  text?: Words;
  default?: string;
  completed?: Completed;
}

export interface OptionRow {
  /** As commander has them: `-n, --lines <count>`. */
  flags: string;
  text: Words;
  /** What its value has to be; without: any text. Names come with commas, and again and again. */
  value?: "whole" | "positive" | "names";
  choices?: readonly string[];
  completed?: Completed;
  default?: string | number;
  required?: true;
  /** The only kind of host that has it. */
  only?: HostKind;
}

export interface CommandRow {
  text: Words;
  arguments?: readonly ArgumentRow[];
  options?: readonly OptionRow[];
  /** Those beside 0 and 2 that it may end with. */
  exits?: readonly (1 | 3 | 4 | 5)[];
  /** The type of what it prints with --json (docs/reference/documents.md); more than one between `|`. */
  document?: string;
  /** A call, as one types it. */
  example: string;
  /** Of a host's command: the only kind of host that has it. */
  only?: HostKind;
  /** Of a host's command: the module and the function of an Erlang host. */
  erlang?: readonly [module: string, run: string];
  /** What follows the first word is not ours to read. */
  passThrough?: true;
}

/** Of either command line: what the person's shell sources. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

export const commands = <const T extends Record<string, CommandRow>>(rows: T): T => rows;
