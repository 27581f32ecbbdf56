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
  text?: Words;
  default?: string;
  completed?: Completed;
}

export interface OptionRow {
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
  /** By their names: `<version|file>`, `[folder]`; in brackets it may be left out. */
  arguments?: Readonly<Record<string, Words | ArgumentRow>>;
  /** By their flags, as commander has them: `-n, --lines <count>`. */
  options?: Readonly<Record<string, Words | OptionRow>>;
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
}

/** Of either command line: what the person's shell sources. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

const isWords = (said: Words | ArgumentRow | OptionRow): said is Words =>
  typeof said === "string" || "node" in said;

export type Argument = ArgumentRow & { name: string };
export type FlaggedOption = OptionRow & { flags: string };

/** In their order. */
export const argumentsOf = ({ arguments: rows = {} }: CommandRow): Argument[] =>
  Object.entries(rows).map(([name, said]) => ({
    name,
    ...(isWords(said) ? { text: said } : said),
  }));

/** Those that a host of that kind has; without one: all. */
export const optionsOf = ({ options: rows = {} }: CommandRow, kind?: HostKind): FlaggedOption[] =>
  Object.entries(rows)
    .map(([flags, said]) => ({ flags, ...(isWords(said) ? { text: said } : said) }))
    .filter(({ only = kind }: OptionRow) => kind === undefined || only === kind);

/** `-n, --max-bytes <count>`: maxBytes, as commander hands it over. */
type NameOf<F> = F extends `${string}--no-${infer Rest}`
  ? Camel<FirstWord<Rest>>
  : F extends `${string}--${infer Rest}`
    ? Camel<FirstWord<Rest>>
    : never;
type FirstWord<T> = T extends `${infer Word} ${string}` ? Word : T;
type Camel<T> = T extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : T;

type ValueOf<F, O> = F extends `${string}...>`
  ? string[]
  : F extends `${string}>`
    ? O extends { choices: readonly (infer Choice)[] }
      ? Choice
      : O extends { value: infer Kind }
        ? Kind extends "names"
          ? string[]
          : number
        : string
    : boolean;
/** What commander makes of a row's options, on the build machine or on a host of Node. */
export type OptionsOf<Row> = Row extends { options: infer O }
  ? { [F in keyof O as Given<F, O[F], true>]: ValueOf<F, O[F]> } & {
      [F in keyof O as Given<F, O[F], false>]?: ValueOf<F, O[F]>;
    }
  : unknown;
type Given<F, O, IsAlways> = O extends { only: "beam" }
  ? never
  : O extends { default: unknown } | { required: true }
    ? IsAlways extends true
      ? NameOf<F>
      : never
    : IsAlways extends true
      ? never
      : NameOf<F>;

export const commands = <const T extends Record<string, CommandRow>>(rows: T): T => rows;
